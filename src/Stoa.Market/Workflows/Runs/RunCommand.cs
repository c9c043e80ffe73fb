using Stoa.Market.Expressions;

namespace Stoa.Market.Workflows.Runs;

/// <summary>What is to be done for a run. A command that was done already, since the node that did it was killed before it could say so, is done once all the same: path and attempt name it.</summary>
/// <param name="Path">The step: names of nodes, with the number of the turn of those that have turns, such as <c>each[3].short</c>.</param>
public abstract record RunCommand(string Path)
{
    /// <summary>Submits a task or asks a model.</summary>
    /// <param name="Path">The step.</param>
    /// <param name="Attempt">From 1; fallbacks count on.</param>
    /// <param name="Work">A <see cref="WorkflowWork.RunTask"/> or <see cref="WorkflowWork.AskModel"/>.</param>
    /// <param name="Body">The submission or the request, with its expressions evaluated.</param>
    public sealed record Begin(string Path, int Attempt, WorkflowWork Work, ExpressionValue Body) : RunCommand(Path);

    /// <summary>Stops what was begun. Its end is told like any other.</summary>
    public sealed record Stop(string Path, int Attempt) : RunCommand(Path);

    /// <summary>Says <see cref="RunEvent.TimeCame"/> at an instant.</summary>
    /// <param name="Path">The step; empty for the run.</param>
    /// <param name="Kind">What it is for.</param>
    /// <param name="Attempt">Of a retry the attempt that has failed; of all else how often the run was resumed before.</param>
    /// <param name="At">UTC.</param>
    public sealed record Wake(string Path, TimerKind Kind, int Attempt, DateTimeOffset At) : RunCommand(Path);

    /// <summary>Waits for an event that is sent to the run.</summary>
    public sealed record Await(string Path, string Name) : RunCommand(Path);

    /// <summary>Asks a person.</summary>
    public sealed record Ask(string Path, string Text, IReadOnlyList<string> By) : RunCommand(Path);
}

/// <summary>What a timer of a step is for.</summary>
public enum TimerKind
{
    /// <summary>Its next attempt.</summary>
    Retry,

    /// <summary>It has taken too long.</summary>
    Timeout,

    /// <summary>It waits until then.</summary>
    Wait,
}

/// <summary>What has happened to a run.</summary>
public abstract record RunEvent
{
    private RunEvent()
    {
    }

    /// <summary>What was begun has ended.</summary>
    /// <param name="Path">The step.</param>
    /// <param name="Attempt">Which attempt.</param>
    /// <param name="Outcome">What it came to.</param>
    public sealed record WorkEnded(string Path, int Attempt, WorkOutcome Outcome) : RunEvent;

    /// <summary>An instant is there.</summary>
    public sealed record TimeCame(string Path, TimerKind Kind, int Attempt) : RunEvent;

    /// <summary>An event was sent to the run.</summary>
    public sealed record Signalled(string Name, ExpressionValue Value) : RunEvent;

    /// <summary>A person has answered.</summary>
    public sealed record Answered(string Path, string By, bool IsYes, string Comment) : RunEvent;

    /// <summary>Somebody wants it stopped.</summary>
    public sealed record CancelAsked : RunEvent;

    /// <summary>Somebody wants a run that has failed or was cancelled to go on from where it ended.</summary>
    /// <remarks>
    /// What has failed, was cancelled or was undone is done anew, and so is all that waited for it; all else keeps what it came to. Attempts go on counting, so that path and attempt
    /// name one thing for ever; timers other than those of attempts have the number of times that the run was resumed instead. What waits for events and people is asked for again.
    /// </remarks>
    public sealed record Resumed : RunEvent;
}

/// <summary>What a task or a request to a model came to.</summary>
public abstract record WorkOutcome
{
    private WorkOutcome()
    {
    }

    /// <summary>It is done.</summary>
    /// <param name="Output">What expressions can read of it; null of what they cannot.</param>
    /// <param name="Content">Of a task: digest, size and media type of what it wrote.</param>
    public sealed record Done(ExpressionValue Output, ExpressionValue Content) : WorkOutcome;

    /// <summary>It has failed, was refused, or was stopped.</summary>
    /// <param name="Code">Of the failure.</param>
    /// <param name="Detail">For people.</param>
    /// <param name="IsFinal">Another attempt would end the same way.</param>
    public sealed record Failed(string Code, string Detail, bool IsFinal = false) : WorkOutcome;
}
