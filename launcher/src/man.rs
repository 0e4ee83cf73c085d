//! Manual pages. They are generated from the definition of the command line, so that they are always up to date.

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::error::LaunchError;
use crate::help::{Piece, pieces};

/// What `--help` shows below the options.
pub(crate) const EXAMPLES: &str = "\
Examples:
  launcher man ~/.local/share/man/man1    then: man launcher, man launcher-doctor";

/// A longer line that ends with a colon is a sentence, not a heading.
const MAX_HEADING_BYTES: usize = 30;

/// Writes a page for the launcher and one for each of its commands.
pub(crate) fn write(command: Command, dir: &Path) -> Result<(), LaunchError> {
    let written = std::fs::create_dir_all(dir).and_then(|()| write_pages(command, dir));
    written.map_err(|error| {
        let message = format!("{error}; name a folder that you can write to");
        LaunchError::NotWritten { path: dir.to_owned(), message }
    })
}

fn write_pages(mut command: Command, dir: &Path) -> io::Result<()> {
    command = command.disable_help_subcommand(true);
    command.build();
    write_page(&command, dir)
}

fn write_page(command: &Command, dir: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_page(subcommand, dir)?;
    }
    let page = Man::new(command.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        page.render_options_section(&mut out)?;
    }
    if command.has_subcommands() {
        page.render_subcommands_section(&mut out)?;
    }
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    if let Some(text) = after.map(ToString::to_string) {
        write_after(&text, &mut out)?;
    }
    if command.get_version().is_some() {
        page.render_version_section(&mut out)?;
    }
    std::fs::write(dir.join(page.get_filename()), out)
}

/// Formats the text below the options of `--help`. Each heading becomes a section and each row a term with its text, so
/// that `man` can wrap them at any width.
fn write_after(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut roff = Roff::default();
    let mut in_section = false;
    for piece in pieces(text) {
        match piece {
            Piece::Blank => {}
            Piece::Paragraph(words) if words.ends_with(':') && words.len() <= MAX_HEADING_BYTES => {
                roff.control("PD", []).control("SH", [words.trim_end_matches(':').to_uppercase().as_str()]);
                in_section = true;
            }
            Piece::Paragraph(words) => {
                if !in_section {
                    roff.control("SH", ["NOTES"]);
                    in_section = true;
                }
                roff.control("PD", []).control("PP", []).text([roman(words)]);
            }
            Piece::Line(line) => {
                roff.control("PD", ["0"]).control("TP", []).text([bold(line.trim_start())]);
            }
            Piece::Row(first, second, begins) => {
                let begins = begins.to_string();
                roff.control("PD", ["0"]).control("TP", [begins.as_str()]);
                roff.text([bold(first.trim_start())]).text([roman(second)]);
            }
        }
    }
    roff.control("PD", []).to_writer(out)
}
