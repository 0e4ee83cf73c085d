//! The arguments that make an agent CLI work without a terminal, and select its model.
//!
//! The agent CLI reads the prompt from its standard input. So the prompt can have any size and any characters, and no
//! other user of the machine can read it in a command line.

use std::ffi::OsString;

use deckwatch_fleet::runs::OutputFormat;

use crate::agent_cli::AgentCli;

/// The arguments for the agent CLI: `given` and what the output and the model need.
pub(crate) fn agent_args(
    cli: AgentCli,
    output: Option<OutputFormat>,
    model: Option<&str>,
    given: &[OsString],
) -> Vec<OsString> {
    let (before, after): (&[&str], &[&str]) = match (cli, output) {
        (_, None) => (&[], &[]),
        (AgentCli::Claude, Some(OutputFormat::StreamJson)) => {
            (&["-p", "--output-format=stream-json", "--verbose"], &[])
        }
        (AgentCli::Claude, Some(OutputFormat::Text)) => (&["-p", "--output-format=text"], &[]),
        (AgentCli::Gemini, Some(OutputFormat::StreamJson)) => (&["--output-format=stream-json"], &[]),
        (AgentCli::Gemini, Some(OutputFormat::Text)) => (&["--output-format=text"], &[]),
        (AgentCli::Codex, Some(OutputFormat::StreamJson)) => (&["exec", "--json"], &["-"]),
        (AgentCli::Codex, Some(OutputFormat::Text)) => (&["exec"], &["-"]),
    };
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    // With `=`, a model that begins with a dash is no option.
    let model = model.map(|model| OsString::from(format!("--model={model}")));
    let mut args = words(before);
    args.extend(model);
    args.extend_from_slice(given);
    args.extend(words(after));
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_agent_cli_reads_the_prompt_from_its_input() {
        let of = |cli, output, model| {
            let args = agent_args(cli, output, model, &["resume".into(), "--last".into()]);
            args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let stream = Some(OutputFormat::StreamJson);
        assert_eq!(
            of(AgentCli::Claude, stream, Some("-x")),
            "-p --output-format=stream-json --verbose --model=-x resume --last"
        );
        assert_eq!(of(AgentCli::Codex, stream, Some("m")), "exec --json --model=m resume --last -");
        assert_eq!(of(AgentCli::Codex, Some(OutputFormat::Text), None), "exec resume --last -");
        assert_eq!(of(AgentCli::Gemini, stream, None), "--output-format=stream-json resume --last");
        assert_eq!(of(AgentCli::Gemini, None, None), "resume --last");
    }
}
