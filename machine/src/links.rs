//! Symbolic links.

use std::io;
use std::path::{Path, PathBuf};

/// The largest number of links that are followed, which is the same as on Linux.
const MAX_LINKS: usize = 40;

/// The file behind symbolic links, so that a link to it stays a link. The file may not exist yet, but its folder must:
/// a folder that is currently not mounted is not created.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let mut at = path.to_owned();
    for followed in 0..MAX_LINKS {
        let folder = at.parent().unwrap_or(Path::new("/")).to_owned();
        match std::fs::read_link(&at) {
            Ok(link) => at = folder.join(link),
            Err(_) if followed == 0 || folder.is_dir() => return Ok(at),
            Err(_) => {
                let why = format!("it is a link into {}, which does not exist", folder.display());
                return Err(io::Error::new(io::ErrorKind::NotFound, why));
            }
        }
    }
    Err(io::Error::other("too many links in a row"))
}
