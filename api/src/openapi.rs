//! The OpenAPI 3.1 document, made from the table of operations and the wire types that serve them.
//!
//! It is made in a test and committed as `openapi.json`; engines serve the committed file.
