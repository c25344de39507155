//! Wipe: all that a node has on its disk is gone. What it promised, it does not know any more.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;
use shakedown_history::Evidence;

use crate::error::AgentError;

/// Removes everything in `dir`. The evidence says how much that was: an empty disk cannot be wiped.
pub(crate) fn wipe(dir: &Path) -> Result<Evidence, AgentError> {
    let failed = || AgentError::system(format!("wipe {}", dir.display()));
    let files = remove_contents(dir).map_err(failed())?;
    Ok(Evidence {
        node: None,
        bit: files > 0,
        summary: format!("{files} files removed from {}", dir.display()),
        detail: json!({ "dir": dir, "files": files }),
    })
}

/// How many files were removed; folders do not count. Symbolic links are not followed.
fn remove_contents(dir: &Path) -> io::Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files += remove_contents(&entry.path())?;
            fs::remove_dir(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
            files += 1;
        }
    }
    Ok(files)
}
