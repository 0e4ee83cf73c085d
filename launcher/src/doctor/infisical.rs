//! Whether what Infisical needs is configured. It is not asked: that is `launcher secrets check`.

use deckwatch_client::ventures::VenturesFile;

use super::check::Check;
use crate::surroundings::Surroundings;

const NAME: &str = "infisical";
const PROJECT: &str = "INFISICAL_PROJECT_ID";
const IDENTITY: [&str; 2] = ["INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"];

/// Names variables, never their values.
pub(super) fn check(file: Option<&VenturesFile>, surroundings: &Surroundings) -> Check {
    let with_path = file.map_or(0, |file| file.ventures.iter().filter(|v| v.infisical_path.is_some()).count());
    let is_set = |name: &&str| surroundings.var(name).is_some();
    let missing: Vec<&str> = IDENTITY.into_iter().filter(|name| !is_set(name)).collect();
    let has_cli = surroundings.program("infisical").is_some();
    if with_path == 0 && !is_set(&PROJECT) {
        return Check::absent(NAME, "no venture has an infisical_path", format!("set infisical_path and {PROJECT}"));
    }
    if !is_set(&PROJECT) {
        let detail = format!("ventures with an infisical_path: {with_path}; no project is named");
        return Check::warn(NAME, detail, format!("export {PROJECT}=<id of the project>"));
    }
    match (missing.is_empty(), has_cli) {
        (true, _) => Check::ok(NAME, "a project and a machine identity are set"),
        (false, true) => Check::ok(NAME, "a project is set; the infisical command line tool is asked for secrets"),
        (false, false) => {
            let fix =
                format!("export {}, or install the infisical command line tool and log in", missing.join(" and "));
            Check::warn(NAME, "a project is set, and nothing to log in with", fix)
        }
    }
}
