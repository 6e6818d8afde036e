//! Somebody with the cluster's password, who does things past the engines.

use mycopod_sandbox::Running;
use reqwest::{Certificate, Client, Method};
use serde_json::Value;

/// A client of the sandbox's own API.
pub struct Hand {
    client: Client,
    base: String,
    token: String,
}

impl Hand {
    /// A hand in that sandbox.
    #[must_use]
    pub fn new(sandbox: &Running) -> Self {
        let ca = Certificate::from_pem(sandbox.ca_pem().as_bytes()).expect("the sandbox’s certificate is one");
        let client = Client::builder().tls_certs_only([ca]).http1_only().pool_max_idle_per_host(0).build();
        Self {
            client: client.expect("a client can be made"),
            base: format!("{}/api2/json", sandbox.url()),
            token: format!("PVEAPIToken={}", sandbox.token()),
        }
    }

    /// One call; the error is Proxmox's status.
    pub async fn does(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.client.request(method.clone(), format!("{}{path}", self.base));
        let mut request = request.header("Authorization", &self.token);
        if !form.is_empty() {
            request = request.form(form);
        }
        let response = request.send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{method} {path}: {}", response.status()));
        }
        let answer: Value = response.json().await.map_err(|error| error.to_string())?;
        Ok(answer["data"].clone())
    }
}
