//! The objects that `entry.mjs` and `bridge.mjs` pass to the Worker.

use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, js_sys, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// The variables and the database of the Worker.
    #[derive(Debug, Clone, PartialEq)]
    pub type Bindings;

    /// The runtime's own bindings.
    #[wasm_bindgen(method, getter)]
    pub fn env(this: &Bindings) -> Env;

    /// Runs statements, as JSON, in one batch. Resolves to their rows, as JSON.
    #[wasm_bindgen(method)]
    pub fn batch(this: &Bindings, statements: &str) -> js_sys::Promise;
}
