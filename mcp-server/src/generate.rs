//! `deckwatch-mcp generate`: prints a generated document to standard output, for people and scripts.
//!
//! This module only reads arguments and prints. `deckwatch-generator` generates the document.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use deckwatch_generator::{Generated, Kind, generate};

/// What `generate --help` prints.
const USAGE: &str = "\
deckwatch-mcp generate <document> [--repo DIR]

Prints a document about the repository of DIR (default: the current folder) to standard output:

  project-instructions   what the project is, how to build, test and run it, and its rules
  api                    its routes: method, path, source location, tests, OpenAPI summaries
  schema                 its database tables after all migrations

The same files give the same bytes. Files that git ignores or that are named like a secret are not read.
Exit codes: 0 printed, 1 the repository cannot be read, 2 the arguments are not valid.
";

struct Request {
    kind: Kind,
    dir: PathBuf,
}

/// Runs the command with the arguments after `generate`.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        return print(USAGE);
    }
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(message) => {
            eprint!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match generate(&request.dir, request.kind) {
        Ok(document) => {
            let printed = print(&document.content);
            eprintln!("{}", summary(&document));
            printed
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Request, String> {
    let mut arguments = arguments.into_iter();
    let (mut kind, mut dir) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--repo") if dir.is_none() => {
                dir = Some(PathBuf::from(arguments.next().ok_or("--repo needs a folder")?));
            }
            Some(word) if kind.is_none() && !word.starts_with('-') => {
                kind = Some(word.parse::<Kind>().map_err(|error| error.to_string())?);
            }
            _ => return Err(format!("generate does not accept this argument: {}", argument.to_string_lossy())),
        }
    }
    let kind = kind.ok_or("generate needs the name of a document")?;
    Ok(Request { kind, dir: dir.unwrap_or_else(|| PathBuf::from(".")) })
}

fn summary(document: &Generated) -> String {
    let unread: usize = document.skipped.iter().map(|skip| skip.count).sum();
    format!("{} ({}): {} sources, {unread} not read", document.name, document.title, document.sources.len())
}

fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Kind, String), String> {
        let request = parse(line.split(' ').map(OsString::from).collect())?;
        Ok((request.kind, request.dir.display().to_string()))
    }

    #[test]
    fn the_folder_may_come_before_or_after_the_document() {
        assert_eq!(parsed("api"), Ok((Kind::Api, ".".to_owned())));
        assert_eq!(parsed("schema --repo /x"), Ok((Kind::Schema, "/x".to_owned())));
        assert_eq!(parsed("--repo x project-instructions"), Ok((Kind::ProjectInstructions, "x".to_owned())));
    }

    #[test]
    fn invalid_arguments_are_named() {
        for (line, named) in [
            ("apis", "\"apis\""),
            ("api schema", "schema"),
            ("api --repo", "--repo needs"),
            ("api --repo a --repo b", "--repo"),
            ("--quick api", "--quick"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(named), "{line}: {message}");
        }
    }
}
