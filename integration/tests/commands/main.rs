//! Commands to stations that are not ours (PyPI `ocpp`, which validates what it is sent by the schemas): from the API
//! through the journal to the station, and its answer back into the table `commands`.

mod each;
mod life;
mod station;
