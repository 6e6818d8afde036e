//! What a NIC can be plugged into.

use mycopod_core::field::{Field, NicPart, Value};
use reqwest::Method;

use crate::lab::Lab;

#[tokio::test(flavor = "multi_thread")]
async fn a_nic_is_plugged_into_a_vnet_as_into_a_bridge() {
    let lab = Lab::running().await;
    lab.by_hand(Method::POST, "/cluster/sdn/zones", &[("zone", "shop"), ("type", "simple")]).await;
    lab.by_hand(Method::POST, "/cluster/sdn/vnets", &[("vnet", "shopnet"), ("zone", "shop")]).await;
    let early = lab.declare("Create a VM called net-1 with 1 core, 1 GB RAM and a 5 GB disk on bridge shopnet").await;
    assert_eq!(early.status, "needs_answer", "it is not in use before it is applied: {early:#?}");
    lab.by_hand(Method::PUT, "/cluster/sdn", &[]).await;
    lab.make("Create a VM called net-2 with 1 core, 1 GB RAM and a 5 GB disk on bridge shopnet").await;
    let guest = lab.named("net-2").await.remove(0);
    assert_eq!(guest.get(&Field::Nic(0, NicPart::Bridge)), Some(&Value::Text("shopnet".to_owned())));
}
