//! One run through the whole pipeline, with a scripted check and ports that fail on demand.

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod confirmation;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod notifying;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod secrets;
mod stores;
#[cfg(test)]
mod world;
