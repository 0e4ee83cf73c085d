//! The objects that `entry.mjs` and `bridge.mjs` pass to the Worker.

use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, js_sys, wasm_bindgen, web_sys};

#[wasm_bindgen]
extern "C" {
    /// The variables and the database of the Worker.
    #[derive(Debug, Clone, PartialEq)]
    pub type Bindings;

    /// The runtime's own bindings.
    #[wasm_bindgen(method, getter)]
    pub fn env(this: &Bindings) -> Env;

    /// Keeps a constant statement, so that a batch names it by the number that is returned.
    #[wasm_bindgen(method)]
    pub fn keep(this: &Bindings, sql: &str) -> u32;

    /// Runs statements, as JSON, in one batch. Resolves to their rows, as JSON.
    #[wasm_bindgen(method)]
    pub fn batch(this: &Bindings, statements: &str) -> js_sys::Promise;

    /// Tells the hub that events were appended.
    #[wasm_bindgen(method)]
    pub fn poke(this: &Bindings) -> js_sys::Promise;

    /// Asks the hub for a socket for this watcher, which is JSON. Resolves to the status of its response. The response
    /// itself waits for the answer to `request`.
    #[wasm_bindgen(method, js_name = openSocket)]
    pub fn open_socket(this: &Bindings, request: &web_sys::Request, watcher: &str) -> js_sys::Promise;

    /// Sends a request, as JSON. Resolves to the response, as JSON.
    #[wasm_bindgen(method)]
    pub fn send(this: &Bindings, request: &str) -> js_sys::Promise;

    /// Signs a message with a private key. Resolves to the signature.
    #[wasm_bindgen(method)]
    pub fn sign(this: &Bindings, key: &js_sys::Uint8Array, message: &js_sys::Uint8Array) -> js_sys::Promise;

    /// Runs a model of Workers AI. Resolves to its answer, as JSON.
    #[wasm_bindgen(method, js_name = runModel)]
    pub fn run_model(this: &Bindings, model: &str, input: &str, timeout: u32) -> js_sys::Promise;
}
