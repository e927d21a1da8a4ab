//! Name server of the cases.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result};
use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use tokio::net::UdpSocket;

use crate::host::{BLACK_HOLE, BLACK_HOLE_6, INSIDE, NAMES, PUBLIC};

/// Zone with the names of all cases.
pub const ZONE: &str = "hostile.example";

/// Starts the name server, which answers until the process ends.
///
/// # Errors
/// When the port cannot be opened.
pub async fn serve() -> Result<()> {
    let socket = UdpSocket::bind((NAMES, 53)).await.context("failed to listen for names")?;
    tokio::spawn(async move {
        let mut datagram = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
            if let Some(reply) = Packet::parse(&datagram[..length]).ok().and_then(|query| reply(&query)) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    Ok(())
}

/// Builds the reply to a query; `None` when the server must not answer.
fn reply(query: &Packet<'_>) -> Option<Vec<u8>> {
    let question = query.questions.first()?;
    let name = question.qname.to_string();
    let label = name.strip_suffix(ZONE).and_then(|name| name.strip_suffix('.')).unwrap_or_default();
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::AUTHORITATIVE_ANSWER);
    reply.questions = query.questions.clone();
    let mut add = |data| reply.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 0, data));
    let v4 = |address: Ipv4Addr| RData::A(A { address: address.into() });
    let (is_4, is_6) = (question.qtype == QTYPE::TYPE(TYPE::A), question.qtype == QTYPE::TYPE(TYPE::AAAA));
    match label {
        "silent" => return None,
        "" | "nobody" => *reply.rcode_mut() = RCODE::NameError,
        "inside" if is_4 => add(v4(INSIDE)),
        "black-hole" if is_4 => add(v4(BLACK_HOLE.parse().ok()?)),
        "dead-ipv6" if is_6 => {
            let address: Ipv6Addr = BLACK_HOLE_6.parse().ok()?;
            add(RData::AAAA(AAAA { address: address.into() }));
        }
        _ if is_4 && label != "inside" => add(v4(PUBLIC)),
        _ => {}
    }
    reply.build_bytes_vec().ok()
}
