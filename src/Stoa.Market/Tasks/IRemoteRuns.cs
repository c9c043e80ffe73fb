using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Who may run a task that several executors run.</summary>
/// <param name="Program">The program.</param>
/// <param name="MediaType">Of the output.</param>
/// <param name="Here">The version by which this cell runs it, too; null when it does not.</param>
public sealed record RunPlan(ContentHash Program, string MediaType, Id<AgentVersion>? Here)
{
    /// <summary>Whether a version of this cell that has the program of a listing gives it the same parameters in the same order, and at least the limits.</summary>
    public static bool MayRun(AgentVersion here, IReadOnlyList<TaskParameter> parameters, AgentLimits limits)
    {
        ArgumentNullException.ThrowIfNull(here);
        ArgumentNullException.ThrowIfNull(limits);
        var own = here.Manifest.Limits;
        return limits.Fuel <= own.Fuel && limits.MemoryBytes <= own.MemoryBytes && limits.TimeoutMs <= own.TimeoutMs && limits.OutputBytes <= own.OutputBytes && limits.LogBytes <= own.LogBytes
            && TaskRules.CheckParameters(here.Manifest.Parameters, parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value)) is { Refusal: null } same
            && same.Value.SequenceEqual(parameters);
    }
}

/// <summary>Runs of one task at several suppliers.</summary>
/// <param name="Task">That this node has claimed; its world is fixed.</param>
/// <param name="Program">The program.</param>
/// <param name="MediaType">Of the output.</param>
/// <param name="Count">How many are to run it.</param>
/// <param name="Most">What all calls of the task may cost together.</param>
/// <param name="Without">Peer ids of nodes that have given their outputs.</param>
public sealed record RunsOrder(AgentTask Task, ContentHash Program, string MediaType, int Count, Money Most, IReadOnlyCollection<string> Without);

/// <summary>One of several runs of a task at suppliers.</summary>
/// <param name="Node">Peer id of the supplier.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Output">What it gave.</param>
public sealed record RemoteRun(string Node, RemoteOutcome Outcome, SpoolStream Output);

/// <summary>Has suppliers run tasks that this node has claimed, and pays for it.</summary>
public interface IRemoteRuns
{
    /// <summary>What a task that several executors run comes to be.</summary>
    Task<RunPlan> PlanRunsAsync(AgentTask task, CancellationToken cancellationToken);

    /// <summary>Begins the calls of a task that several executors run, as far as there are suppliers for it; nobody is called yet.</summary>
    /// <param name="order">How many, and for how much.</param>
    /// <param name="least">Where there would be fewer, with those that were begun before, none is begun.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    /// <returns>How many calls there are then, with those that were begun before.</returns>
    Task<int> BeginRunsAsync(RunsOrder order, int least, CancellationToken cancellationToken);

    /// <summary>Has suppliers run a task that have not had it, side by side, and goes on with the calls of it that were begun.</summary>
    /// <param name="order">How many, and for how much.</param>
    /// <param name="input">The way to the input.</param>
    /// <param name="output">Gives a place for each output.</param>
    /// <param name="cancellationToken">Stops waiting for them.</param>
    /// <returns>What came of each; fewer than were asked for when there are no more suppliers.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled. The next attempt goes on where this one was.</exception>
    Task<IReadOnlyList<RemoteRun>> RunManyAsync(RunsOrder order, OpenInput input, Func<SpoolStream> output, CancellationToken cancellationToken);

    /// <summary>Has a supplier run one attempt, pays for it, and checks what it gave back.</summary>
    /// <param name="task">That this node has claimed.</param>
    /// <param name="input">The way to its input.</param>
    /// <param name="output">Where the output goes, at most as much as the task's limit. After a failure what is in it is worth nothing.</param>
    /// <param name="progress">Told what the supplier tells of the run.</param>
    /// <param name="cancellationToken">Stops waiting for it.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled. The next attempt goes on where this one was.</exception>
    Task<RemoteOutcome> RunAsync(AgentTask task, OpenInput input, Stream output, AttemptProgress progress, CancellationToken cancellationToken);

    /// <summary>Has the suppliers that run a task stop, as far as they can be told within a moment, and brings what those give that had done it by then: that was charged.</summary>
    /// <param name="task">That this node has claimed, and that is cancelled or late.</param>
    /// <param name="input">The way to the input.</param>
    /// <param name="output">Gives a place for each output.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<RemoteRun>> StopAsync(AgentTask task, OpenInput input, Func<SpoolStream> output, CancellationToken cancellationToken);
}

/// <summary>What came of an attempt at another operator's node.</summary>
public abstract record RemoteOutcome
{
    private RemoteOutcome()
    {
    }

    /// <summary>It was done, and its receipt holds.</summary>
    /// <param name="Receipt">What the node swears, checked against what was ordered.</param>
    /// <param name="Envelope">As it was signed.</param>
    /// <param name="OutputBytes">Size of the output.</param>
    /// <param name="MediaType">Of the output.</param>
    public sealed record Completed(Receipt Receipt, DsseEnvelope Envelope, long OutputBytes, string MediaType) : RemoteOutcome;

    /// <summary>It was not, or not to be believed.</summary>
    /// <param name="Detail">What happened.</param>
    public sealed record Failed(string Detail) : RemoteOutcome;
}
