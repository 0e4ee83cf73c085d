//! Tests of `launcher secrets check`: it prints names but no values, and has an exit code for each kind of error.

use crate::infisical::{CLIENT_SECRET, Deviation, Infisical};
use crate::secrets::{VALUE, launcher, world_with};
use crate::world::{Run, World};

#[test]
fn a_check_lists_present_missing_and_left_out_secrets() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("OTHER", VALUE), ("PATH", VALUE)]);
    let world = world_with(&infisical);
    let check = Run::of(&mut launcher(&world, &["secrets", "check", "alpha"]));
    check.refuses(27, &["lacks DATABASE_URL"]);
    for line in ["present   OTHER\n", "missing   DATABASE_URL\n", "left out  PATH, which is reserved\n"] {
        assert!(check.stdout.contains(line), "{line:?} is not in: {}", check.stdout);
    }

    let json = Run::of(&mut launcher(&world, &["secrets", "check", "alpha", "--json"])).stdout;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["present"], serde_json::json!(["OTHER"]));
    assert_eq!(report["missing"], serde_json::json!(["DATABASE_URL"]));
    assert_eq!(report["folder"]["path"], "/alpha");
    assert!(!json.contains(VALUE) && !json.contains(CLIENT_SECRET) && !check.stdout.contains(VALUE));

    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let check = Run::of(&mut launcher(&world, &["secrets", "check", "alpha"])).succeeds();
    assert!(check.stdout.contains("missing   none"), "{}", check.stdout);
    let mut here = launcher(&world, &["secrets", "check", "."]);
    Run::of(here.current_dir(world.path("home/dev/alpha"))).succeeds();
}

#[test]
fn a_check_has_different_exit_codes_for_different_causes() {
    let infisical = Infisical::start();
    let world = world_with(&infisical);
    let check = || Run::of(&mut launcher(&world, &["secrets", "check", "alpha"]));
    check().refuses(27, &["(404)"]);
    infisical.deviate_at_lists((0..3).map(|_| Deviation::Answer(502, "", VALUE.into())));
    check().refuses(26, &["it returned 502"]);
    infisical.deviate_at_logins([Deviation::Answer(401, "", VALUE.into())]);
    let refused = check();
    refused.refuses(25, &["refused the credential"]);
    assert!(!refused.stderr.contains(VALUE));
    World::new().run(&["secrets", "check", "alpha"]).refuses(10, &["no Infisical project is configured"]);
    World::new().run(&["secrets", "check", "gamma"]).refuses(12, &["no venture gamma"]);
}

#[test]
fn without_a_keyring_a_login_fails_with_advice() {
    let world = world_with(&Infisical::start());
    world.run(&["secrets", "login"]).refuses(25, &["the keyring can't be used", "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"]);
    world.install("secret-tool", "#!/bin/sh\nexit 1\n");
    world.run(&["secrets", "login"]).refuses(25, &["no usable credential was given", "two lines"]);
}
