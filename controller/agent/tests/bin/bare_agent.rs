//! The agent without the rest of shakedown, for the tests.

fn main() -> Result<(), shakedown_agent::AgentError> {
    shakedown_agent::serve_stdio()
}
