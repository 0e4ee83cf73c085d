//! Checks the configuration of Infisical. It sends no request; `launcher secrets check` does that.

use deckwatch_machine::ventures::VenturesFile;

use crate::check_report::Check;
use crate::secrets::vault::Vault;

const NAME: &str = "infisical";
const PROJECT: &str = "INFISICAL_PROJECT_ID";
const IDENTITY: &str = "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET";

/// The result contains names of variables, never their values.
pub(super) fn check(file: Option<&VenturesFile>, vault: &Vault) -> Check {
    let ventures = file.map_or(&[][..], |file| &file.ventures);
    let with_path = ventures.iter().filter(|venture| venture.infisical_path.is_some()).count();
    let has_project = vault.shared_folder("").is_some() || ventures.iter().any(|v| vault.folder_of(v).is_some());
    if !has_project && with_path == 0 {
        return Check::absent(
            NAME,
            "it is not configured, and no venture has an infisical_path",
            format!("set infisical_path and {PROJECT}"),
        );
    }
    if !has_project {
        let have = if with_path == 1 { "1 venture has".to_owned() } else { format!("{with_path} ventures have") };
        let detail = format!("{have} an infisical_path, but no project is configured");
        return Check::warn(NAME, detail, format!("export {PROJECT}=<id of the project>"));
    }
    if !vault.has_credential() {
        let fix = format!("`launcher secrets login`, or export {IDENTITY}");
        return Check::warn(NAME, "a project is configured, but no credential", fix);
    }
    Check::ok(NAME, format!("a project is configured; {}", vault.describe()))
}
