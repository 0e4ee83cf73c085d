//! The tools of the MCP server, from their documentation.

/// A page that `just gen` writes from the table of tools.
const PAGE: &str = include_str!("../../docs/mcp.md");

/// The name of every tool, in the order of the table.
pub fn tool_names() -> Vec<&'static str> {
    PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}
