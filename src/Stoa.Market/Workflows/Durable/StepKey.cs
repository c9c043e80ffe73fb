namespace Stoa.Market.Workflows.Durable;

/// <summary>One thing that a step of a run has under way, by which it is done once.</summary>
/// <param name="Path">The step; empty for the run.</param>
/// <param name="Kind">What.</param>
/// <param name="Attempt">Of tasks, requests and what is between them; 0 of all else.</param>
public readonly record struct StepKey(string Path, StepKind Kind, int Attempt);

/// <summary>What a step has under way.</summary>
public enum StepKind
{
    /// <summary>A task.</summary>
    Task,

    /// <summary>A request to a model.</summary>
    Model,

    /// <summary>The time until the next attempt.</summary>
    Retry,

    /// <summary>The time that it may take.</summary>
    Timeout,

    /// <summary>The time that it waits.</summary>
    Wait,

    /// <summary>The wait for an event.</summary>
    Event,

    /// <summary>A question to a person.</summary>
    Approval,
}
