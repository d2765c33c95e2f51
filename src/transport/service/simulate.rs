//! SimulateRules: events as they are made, until the client goes, the service stops or the deadline passes.

use futures::stream;
use tonic::{Request, Status};

use super::admitted::Admitted;
use super::{Answers, Api, failed, open, wrong};
use crate::proto::v1;
use crate::transport::decode::simulation;
use crate::transport::encode;

impl Api {
    /// Begins a simulation. Dropping the answers stops it.
    pub(super) async fn simulation(
        &self,
        request: Request<v1::SimulateRulesRequest>,
    ) -> Result<Answers<v1::SimulateRulesResponse>, Status> {
        let ending = self.ending(request.extensions());
        let (caller, message) = open(request)?;
        let (market, simulation) = simulation::request(message).map_err(wrong)?;
        self.assure(&caller, &market).await?;
        let told = self.use_cases.query.simulate(&caller.who, &market, simulation).map_err(failed)?;
        let end = Box::pin(ending.of_listener().reached());
        let admitted = Admitted::now(self.clone(), caller);
        let answers = stream::unfold(Some((told, end, admitted)), |state| async move {
            let (mut told, mut end, admitted) = state?;
            tokio::select! {
                event = told.recv() => {
                    let event = event?;
                    if let Err(status) = admitted.still().await {
                        return Some((Err(status), None));
                    }
                    match encode::simulation::event(event) {
                        Ok(message) => Some((Ok(message), Some((told, end, admitted)))),
                        Err(error) => Some((Err(failed(error)), None)),
                    }
                }
                status = &mut end => Some((Err(status), None)),
            }
        });
        Ok(Box::pin(answers))
    }
}
