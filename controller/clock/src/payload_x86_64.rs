//! The payload for x86-64: what runs in the place of the vDSO's clock functions.
//!
//! ```text
//! padding of the vDSO:  control block | header | code | trampolines
//! entry of a function:  jmp code        (5 bytes; they were the function's prologue)
//! trampoline:           the prologue, moved, and a jump to the rest of the function
//! ```
//!
//! So the real vDSO still does the work, at its full speed: no system call is added.

#![expect(unsafe_code, reason = "assembly, and reading its bytes")]

use iced_x86::{
    BlockEncoder, BlockEncoderOptions, Code, Decoder, DecoderOptions, FlowControl, Instruction,
    InstructionBlock,
};
use nix::sys::ptrace;
use nix::unistd::Pid;

use crate::error::ClockError;
use crate::inject::{Assembled, Patch};
use crate::vdso::{Symbol, Vdso};

/// How long a `jmp rel32` is.
const JUMP_LEN: usize = 5;
/// The header's words: the three functions' trampolines in the order of [`HOOKS`], the control block.
const HEADER_WORDS: usize = 4;

// All three keep the C calling convention: rbx and r12 are the only callee-saved registers used.
// 96 is the length of a slot, 48 of a timeline, 16 where the slots begin: see control.rs.
std::arch::global_asm!(
    r#"
    .pushsection .rodata.shakedown_clock,"a",@progbits
    .p2align 6
    .globl shakedown_clock_start, shakedown_clock_end
    .globl shakedown_clock_gettime, shakedown_clock_gettimeofday, shakedown_clock_time
shakedown_clock_start:
.Lreal_gettime:      .quad 0
.Lreal_gettimeofday: .quad 0
.Lreal_time:         .quad 0
.Lcontrol:           .quad 0

    .p2align 4
shakedown_clock_gettime:            # edi: clock id, rsi: timespec
    push rbx
    push r12
    push rdi
    push rsi
    sub rsp, 8                      # the stack is aligned to 16 again
    mov r12, qword ptr [rip + .Lcontrol]
.Lagain:
    mov rbx, qword ptr [r12 + 8]    # the index, before the time is read
    mov rdi, qword ptr [rsp + 16]
    mov rsi, qword ptr [rsp + 8]
    call qword ptr [rip + .Lreal_gettime]
    mov rdi, qword ptr [rsp + 16]
    mov rsi, qword ptr [rsp + 8]
    test eax, eax
    jne .Lreturn
    cmp edi, 31
    ja .Lreturn
    xor ecx, ecx
    mov edx, 0x821                  # bits: REALTIME, REALTIME_COARSE, TAI
    bt edx, edi
    jc .Lmap
    mov ecx, 48
    mov edx, 0xd2                   # bits: MONOTONIC, its RAW and COARSE kin, BOOTTIME
    bt edx, edi
    jnc .Lreturn
.Lmap:
    mov edx, ebx
    and edx, 1
    imul edx, edx, 96
    add ecx, edx
    lea r9, [r12 + rcx + 16]        # the timeline
    imul rax, qword ptr [rsi], 1000000000
    add rax, qword ptr [rsi + 8]
    cmp rax, qword ptr [r9]         # the switch
    jl .Lbefore
    sub rax, qword ptr [r9]
    imul qword ptr [r9 + 16]
    shrd rax, rdx, 32
    add rax, qword ptr [r9 + 8]
    jmp .Lmapped
.Lbefore:
    sub rax, qword ptr [r9 + 24]
    imul qword ptr [r9 + 40]
    shrd rax, rdx, 32
    add rax, qword ptr [r9 + 32]
.Lmapped:
    cmp rbx, qword ptr [r12 + 8]    # changed meanwhile: read the time anew
    jne .Lagain
    test rax, rax
    jns .Lpositive
    xor eax, eax                    # nothing is before 1970
.Lpositive:
    xor edx, edx
    mov ecx, 1000000000
    div rcx
    mov qword ptr [rsi], rax
    mov qword ptr [rsi + 8], rdx
    xor eax, eax
.Lreturn:
    add rsp, 8
    pop rsi
    pop rdi
    pop r12
    pop rbx
    ret

    .p2align 4
shakedown_clock_gettimeofday:       # rdi: timeval or null, rsi: timezone or null
    push rdi
    sub rsp, 16                     # a timespec
    test rsi, rsi
    je .Lno_zone
    xor edi, edi                    # the zone alone, from the real one
    call qword ptr [rip + .Lreal_gettimeofday]
.Lno_zone:
    cmp qword ptr [rsp + 16], 0
    je .Lno_time
    xor edi, edi
    mov rsi, rsp
    call shakedown_clock_gettime
    mov rdi, qword ptr [rsp + 16]
    mov rax, qword ptr [rsp]
    mov qword ptr [rdi], rax
    mov rax, qword ptr [rsp + 8]
    xor edx, edx
    mov ecx, 1000
    div rcx
    mov qword ptr [rdi + 8], rax
.Lno_time:
    xor eax, eax
    add rsp, 16
    pop rdi
    ret

    .p2align 4
shakedown_clock_time:               # rdi: time_t or null
    push rdi
    sub rsp, 16
    xor edi, edi
    mov rsi, rsp
    call shakedown_clock_gettime
    mov rax, qword ptr [rsp]
    mov rdi, qword ptr [rsp + 16]
    test rdi, rdi
    je .Lnowhere
    mov qword ptr [rdi], rax
.Lnowhere:
    add rsp, 16
    pop rdi
    ret
shakedown_clock_end:
    .popsection
"#
);

unsafe extern "C" {
    static shakedown_clock_start: u8;
    static shakedown_clock_end: u8;
    static shakedown_clock_gettime: u8;
    static shakedown_clock_gettimeofday: u8;
    static shakedown_clock_time: u8;
}

/// A function of the vDSO that the payload takes over.
struct Hook {
    /// Its name there.
    function: &'static str,
    /// Where the code for it begins.
    entry: fn() -> usize,
}

/// All of them, in the header's order.
const HOOKS: [Hook; 3] = [
    Hook {
        function: "__vdso_clock_gettime",
        entry: || offset_of(&raw const shakedown_clock_gettime),
    },
    Hook {
        function: "__vdso_gettimeofday",
        entry: || offset_of(&raw const shakedown_clock_gettimeofday),
    },
    Hook {
        function: "__vdso_time",
        entry: || offset_of(&raw const shakedown_clock_time),
    },
];

fn offset_of(label: *const u8) -> usize {
    label.addr() - (&raw const shakedown_clock_start).addr()
}

/// Header and code as assembled, the header still zero.
fn code() -> Vec<u8> {
    let len = offset_of(&raw const shakedown_clock_end);
    // SAFETY: both labels delimit one read-only section of this program, and nothing in it is ever
    // written.
    unsafe { std::slice::from_raw_parts(&raw const shakedown_clock_start, len) }.to_vec()
}

/// Everything that goes to `address` (within reach of a `jmp rel32` from the vDSO's functions), and
/// the jumps to it.
pub(crate) fn assemble(vdso: &Vdso, control: u64, address: u64) -> Result<Assembled, ClockError> {
    let mut bytes = code();
    let mut header = Vec::new();
    let mut patches = Vec::new();
    for hook in &HOOKS {
        bytes.resize(bytes.len().next_multiple_of(16), 0xcc);
        let trampoline = address + bytes.len() as u64;
        let function = Function::decode(vdso, vdso.symbol(hook.function)?)?;
        let moved = function.moved_to(trampoline).map_err(|reason| {
            vdso.refuse(format!(
                "the start of {} cannot be moved: {reason}",
                hook.function
            ))
        })?;
        bytes.extend_from_slice(&moved.code);
        header.push(trampoline);
        patches.push(Patch {
            address: function.address,
            jump: jump(
                function.address,
                address + (hook.entry)() as u64,
                function.prologue_len,
            )
            .ok_or_else(|| vdso.refuse("its padding is out of a jump's reach".to_owned()))?,
            moved: moved.instructions,
        });
    }
    header.push(control);
    assert_eq!(
        header.len(),
        HEADER_WORDS,
        "one word a hook, and the control block"
    );
    for (slot, word) in bytes.chunks_exact_mut(8).zip(header) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    Ok(Assembled { bytes, patches })
}

/// `jmp to` at `from`, filled up with no-ops.
fn jump(from: u64, to: u64, len: usize) -> Option<Vec<u8>> {
    let distance = i32::try_from(to.wrapping_sub(from + JUMP_LEN as u64).cast_signed()).ok()?;
    let mut bytes = vec![0xe9];
    bytes.extend(distance.to_le_bytes());
    bytes.resize(len, 0x90);
    Some(bytes)
}

/// The start of a function that shall be hooked.
struct Function {
    address: u64,
    /// The whole instructions that a jump over the entry destroys.
    prologue: Vec<Instruction>,
    prologue_len: usize,
}

/// The prologue at its new place.
struct Moved {
    code: Vec<u8>,
    /// Of each instruction, its old and new address.
    instructions: Vec<(u64, u64)>,
}

impl Function {
    fn decode(vdso: &Vdso, symbol: &Symbol) -> Result<Self, ClockError> {
        let end = symbol.offset.checked_add(symbol.len);
        let body = end.and_then(|end| vdso.image.get(symbol.offset..end));
        let body = body.filter(|body| body.len() >= JUMP_LEN);
        let body = body.ok_or_else(|| vdso.refuse(format!("{symbol:?} is too short to hook")))?;
        let address = vdso.address(symbol.offset);
        let mut decoder = Decoder::with_ip(64, body, address, DecoderOptions::NONE);
        let mut prologue = Vec::new();
        while decoder.ip() < address + JUMP_LEN as u64 {
            prologue.push(decoder.decode());
        }
        let after = decoder.ip();
        let into_prologue = |i: &Instruction| {
            let branches = matches!(
                i.flow_control(),
                FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
            );
            branches && (address..after).contains(&i.near_branch_target())
        };
        if prologue.iter().any(Instruction::is_invalid) || decoder.iter().any(|i| into_prologue(&i))
        {
            return Err(vdso.refuse(format!("{symbol:?} branches into its own first bytes")));
        }
        Ok(Self {
            address,
            prologue,
            prologue_len: usize::try_from(after - address).expect("short"),
        })
    }

    /// The prologue for `place`, and a jump back to what follows it.
    fn moved_to(&self, place: u64) -> Result<Moved, iced_x86::IcedError> {
        let rest = self.address + self.prologue_len as u64;
        let mut instructions = self.prologue.clone();
        instructions.push(Instruction::with_branch(Code::Jmp_rel32_64, rest)?);
        let options = BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS;
        let block = InstructionBlock::new(&instructions, place);
        let encoded = BlockEncoder::encode(64, block, options)?;
        let old = self.prologue.iter().map(Instruction::ip);
        let new = encoded
            .new_instruction_offsets
            .iter()
            .map(|&at| place + u64::from(at));
        Ok(Moved {
            code: encoded.code_buffer,
            instructions: old.zip(new).collect(),
        })
    }
}

/// Where a stopped thread will run on.
pub(crate) fn program_counter(thread: Pid) -> nix::Result<u64> {
    Ok(ptrace::getregs(thread)?.rip)
}

/// Where a stopped thread's stack ends; what it is in the middle of lies above.
pub(crate) fn stack_pointer(thread: Pid) -> nix::Result<u64> {
    Ok(ptrace::getregs(thread)?.rsp)
}

/// Makes a stopped thread run on elsewhere.
pub(crate) fn set_program_counter(thread: Pid, address: u64) -> nix::Result<()> {
    let mut registers = ptrace::getregs(thread)?;
    registers.rip = address;
    ptrace::setregs(thread, registers)
}
