//! A process's vDSO: the ELF image that the kernel maps into it, its functions and its padding.

use std::fs;
use std::path::PathBuf;

use crate::control::Memory;
use crate::error::ClockError;

/// The image as mapped into one process.
#[derive(Clone, Debug)]
pub(crate) struct Vdso {
    /// Of which process; for messages.
    pub(crate) pid: i32,
    /// Where it is mapped.
    pub(crate) start: u64,
    /// All its bytes.
    pub(crate) image: Vec<u8>,
    /// Where the zero padding begins, from the start; aligned to a cache line.
    pub(crate) padding: usize,
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only a payload asks")
    )]
    symbols: Vec<Symbol>,
}

/// A function of the vDSO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    name: String,
    /// Its first instruction, from the start of the image.
    pub(crate) offset: usize,
    /// How long it is.
    pub(crate) len: usize,
}

impl Vdso {
    /// Finds and reads the vDSO of a process.
    pub(crate) fn read(pid: i32, memory: &Memory) -> Result<Self, ClockError> {
        let path = PathBuf::from(format!("/proc/{pid}/maps"));
        let maps =
            fs::read_to_string(&path).map_err(|source| ClockError::Process { path, source })?;
        let (start, len) = find_mapping(&maps).ok_or_else(|| ClockError::Vdso {
            pid,
            reason: "it has none mapped".to_owned(),
        })?;
        let mut image = vec![0; len];
        memory.read(&mut image, start)?;
        let parsed = parse(&image).map_err(|reason| ClockError::Vdso { pid, reason })?;
        Ok(Self {
            pid,
            start,
            image,
            padding: parsed.padding,
            symbols: parsed.symbols,
        })
    }

    /// The function of this name.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only a payload asks")
    )]
    pub(crate) fn symbol(&self, name: &str) -> Result<&Symbol, ClockError> {
        let found = self.symbols.iter().find(|symbol| symbol.name == name);
        found.ok_or_else(|| self.refuse(format!("it has no function {name}")))
    }

    /// What lies behind the image, up to the end of its pages.
    pub(crate) fn padding_bytes(&self) -> &[u8] {
        &self.image[self.padding..]
    }

    /// Where an offset is mapped.
    pub(crate) fn address(&self, offset: usize) -> u64 {
        self.start + offset as u64
    }

    /// An error about this image.
    pub(crate) fn refuse(&self, reason: String) -> ClockError {
        ClockError::Vdso {
            pid: self.pid,
            reason,
        }
    }
}

/// Start and length of `[vdso]` in the text of `/proc/<pid>/maps`.
fn find_mapping(maps: &str) -> Option<(u64, usize)> {
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    Some((start, usize::try_from(end.checked_sub(start)?).ok()?))
}

struct Parsed {
    padding: usize,
    symbols: Vec<Symbol>,
}

/// Reads the ELF headers, the dynamic symbols, and where everything ends.
fn parse(image: &[u8]) -> Result<Parsed, String> {
    let elf = Elf(image);
    if image.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("it is not a little-endian ELF-64 image".to_owned());
    }
    let (mut end, mut dynamic) = (0, None);
    for number in 0..elf.half(56)? {
        let header = add(elf.word(32)?, number * 56)?;
        match elf.int(header)? {
            PT_LOAD => end = end.max(add(elf.word(header + 8)?, elf.word(header + 32)?)?),
            PT_DYNAMIC => dynamic = Some(elf.word(header + 8)?),
            _ => {}
        }
    }
    // Nobody reads the section headers at run time, but debuggers like them: leave them alone.
    let section_headers = elf.word(40)?;
    if section_headers != 0 && section_headers < image.len() {
        end = end.max(add(section_headers, elf.half(60)? * elf.half(58)?)?);
    }
    let padding = end.next_multiple_of(64);
    if padding > image.len() {
        return Err(format!(
            "it ends at {end:#x}, beyond its {:#x} mapped bytes",
            image.len()
        ));
    }
    Ok(Parsed {
        padding,
        symbols: elf.symbols(dynamic.ok_or("it has no dynamic section")?)?,
    })
}

const PT_LOAD: usize = 1;
const PT_DYNAMIC: usize = 2;
const DT_NULL: usize = 0;
const DT_HASH: usize = 4;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_GNU_HASH: usize = 0x6fff_fef5;
const SYMBOL_LEN: usize = 24;
/// No vDSO has more than a few dozen symbols; a count beyond this is a misread image.
const SYMBOLS_MAX: usize = 4096;

fn add(a: usize, b: usize) -> Result<usize, String> {
    a.checked_add(b)
        .ok_or_else(|| "an offset in it overflows".to_owned())
}

/// Bounds-checked reads at offsets of an image.
struct Elf<'a>(&'a [u8]);

impl Elf<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], String> {
        let bytes = at.checked_add(N).and_then(|end| self.0.get(at..end));
        let bytes = bytes.ok_or_else(|| format!("it is cut off at {at:#x}"))?;
        Ok(bytes.try_into().expect("a slice of that length"))
    }

    fn half(&self, at: usize) -> Result<usize, String> {
        Ok(u16::from_le_bytes(self.bytes(at)?).into())
    }

    fn int(&self, at: usize) -> Result<usize, String> {
        Ok(u32::from_le_bytes(self.bytes(at)?) as usize)
    }

    fn word(&self, at: usize) -> Result<usize, String> {
        usize::try_from(u64::from_le_bytes(self.bytes(at)?)).map_err(|e| e.to_string())
    }

    fn symbols(&self, dynamic: usize) -> Result<Vec<Symbol>, String> {
        let (mut table, mut names, mut hash, mut gnu_hash) = (None, None, None, None);
        let mut entry = dynamic;
        loop {
            let value = self.word(add(entry, 8)?)?;
            match self.word(entry)? {
                DT_NULL => break,
                DT_SYMTAB => table = Some(value),
                DT_STRTAB => names = Some(value),
                DT_HASH => hash = Some(value),
                DT_GNU_HASH => gnu_hash = Some(value),
                _ => {}
            }
            entry = add(entry, 16)?;
        }
        let (table, names) = table.zip(names).ok_or("it has no symbol table")?;
        let count = match (hash, gnu_hash) {
            (Some(hash), _) => self.int(add(hash, 4)?)?,
            (None, Some(gnu_hash)) => self.count_by_gnu_hash(gnu_hash)?,
            (None, None) => return Err("it has no symbol hash table".to_owned()),
        };
        if count > SYMBOLS_MAX {
            return Err(format!("it claims {count} symbols"));
        }
        (0..count)
            .map(|number| self.symbol(add(table, number * SYMBOL_LEN)?, names))
            .collect()
    }

    fn symbol(&self, at: usize, names: usize) -> Result<Symbol, String> {
        let name = self
            .0
            .get(add(names, self.int(at)?)?..)
            .ok_or("a name in it lies outside")?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(Symbol {
            name: String::from_utf8_lossy(name).into_owned(),
            offset: self.word(add(at, 8)?)?,
            len: self.word(add(at, 16)?)?,
        })
    }

    /// The GNU hash table does not say how many symbols there are: the highest bucket's chain ends
    /// at the last.
    fn count_by_gnu_hash(&self, at: usize) -> Result<usize, String> {
        let (buckets, first, bloom) = (self.int(at)?, self.int(at + 4)?, self.int(at + 8)?);
        let bucket_at = add(at, 16 + bloom * 8)?;
        let mut last = 0;
        for number in 0..buckets {
            last = last.max(self.int(add(bucket_at, number * 4)?)?);
        }
        if last < first {
            return Ok(first);
        }
        let chain_at = add(bucket_at, buckets * 4)?;
        while self.int(add(chain_at, (last - first) * 4)?)? & 1 == 0 {
            last += 1;
        }
        Ok(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own() -> Vdso {
        let pid = i32::try_from(std::process::id()).unwrap();
        Vdso::read(pid, &Memory::open(pid).unwrap()).unwrap()
    }

    #[test]
    fn our_own_vdso_has_a_clock_and_zero_padding() {
        let vdso = own();
        #[cfg(target_arch = "x86_64")]
        let name = "__vdso_clock_gettime";
        #[cfg(not(target_arch = "x86_64"))]
        let name = "__kernel_clock_gettime";
        let clock = vdso.symbol(name).unwrap();
        assert!(clock.offset < vdso.padding && clock.len > 16, "{clock:?}");
        assert!(vdso.padding_bytes().iter().all(|&byte| byte == 0));
        let error = vdso.symbol("__vdso_sundial").unwrap_err().to_string();
        assert!(error.contains("no function __vdso_sundial"), "{error}");
    }

    #[test]
    fn a_mapping_is_found_by_its_name() {
        let maps = "7fbd000-7fbe000 r--p 00000000 00:00 0 [vvar]\n7fbe000-7fc0000 r-xp 00000000 00:00 0 [vdso]\n";
        assert_eq!(find_mapping(maps), Some((0x7fb_e000, 0x2000)));
        assert_eq!(
            find_mapping("1000-2000 r-xp 00000000 00:00 0 /bin/cat\n"),
            None
        );
    }

    proptest! {
        #[test]
        fn a_broken_image_is_refused_or_read_but_never_crashes(
            dents in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
            cut in any::<prop::sample::Index>(),
            headers_only in any::<bool>(),
        ) {
            let mut image = own().image;
            let end = if headers_only { 0x400 } else { image.len() };
            for (at, byte) in dents {
                image[at.index(end)] = byte;
            }
            image.truncate(cut.index(image.len()) + 1);
            if let Ok(parsed) = parse(&image) {
                prop_assert!(parsed.padding <= image.len());
            }
        }
    }
}
