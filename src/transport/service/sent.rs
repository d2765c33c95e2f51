//! The generated traits of the services, answered by methods of [`Api`](super::Api) of the same names.
//!
//! What `async_trait` makes of a method has lifetimes that its future must outlive, and the compiler proves anew for each
//! of them, three times, that everything awaited below may move between threads: about a tenth of what building this crate
//! took. A future that is boxed in a function without such bounds is proved once.

use futures::future::BoxFuture;
use tonic::{Response, Status};

/// What a method is to answer with, on its way.
pub(super) type Sent<'a, M> = BoxFuture<'a, Result<Response<M>, Status>>;

/// A service, its methods, and what each takes and answers with: where that is a stream, `as` says how the trait calls it.
macro_rules! serve {
    ($service:ident: $($name:ident($request:ty) -> $answer:ty $(as $answers:ident)?;)+) => {
        impl $service for Api {
            $(
                $(type $answers = $answer;)?

                fn $name<'life0, 'async_trait>(
                    &'life0 self,
                    request: ::tonic::Request<$request>,
                ) -> $crate::transport::service::sent::Sent<'async_trait, $answer>
                where
                    'life0: 'async_trait,
                    Self: 'async_trait,
                {
                    fn sent(
                        api: &Api,
                        request: ::tonic::Request<$request>,
                    ) -> $crate::transport::service::sent::Sent<'_, $answer> {
                        Box::pin(Api::$name(api, request))
                    }
                    sent(self, request)
                }
            )+
        }
    };
}

pub(super) use serve;
