//! One run through the whole pipeline, with a check that does what a script says and ports that fail when told to.

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod confirmation;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod heartbeat;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod notifying;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod world;
