using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>A run as a row: the parameters bear the names of the columns.</summary>
internal sealed record RunRow(
    Id<DurableRun> Id,
    Id<User> OwnerId,
    string Workflow,
    int? Version,
    ContentHash Digest,
    RunState State,
    Money? MaxPrice,
    Money Spent,
    Id<ApiKey>? KeyId,
    Money? KeyPerDay,
    string? TraceParent,
    long LogLength,
    long LogBytes,
    DateTimeOffset? CancelRequestedAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? EndedAt)
{
    public const string Columns = "id, owner_id, workflow, version, digest, state, max_price, spent, key_id, key_per_day, trace_parent, log_length, log_bytes, cancel_requested_at, created_at, ended_at";

    public DurableRun ToRun() => new(Id, OwnerId, Workflow, Version, Digest, State, MaxPrice, Spent, LogLength, LogBytes, CancelRequestedAt, CreatedAt, EndedAt)
    {
        Allowance = KeyId is { } key ? new SpendingAllowance(key, KeyPerDay!.Value) : null,
        TraceParent = TraceParent,
    };
}

/// <summary>Something that a run has under way.</summary>
/// <param name="Key">By which it is done once.</param>
/// <param name="TaskId">The task; null for all else.</param>
/// <param name="Amount">What it may cost.</param>
/// <param name="DueAt">Of what waits for a time.</param>
/// <param name="Asked">Of an approval: who may answer, as JSON; null for who may run the workflow.</param>
/// <param name="Text">The name of an event, or what is asked.</param>
public sealed record OpenStep(StepKey Key, Id<AgentTask>? TaskId, Money Amount, DateTimeOffset? DueAt = null, string? Asked = null, string? Text = null)
{
    /// <summary>It is a task or a request to a model.</summary>
    public bool IsWork => Key.Kind is StepKind.Task or StepKind.Model;
}

/// <summary>What comes to a run from outside.</summary>
/// <param name="Id">In the order in which they were written.</param>
/// <param name="RunId">Which run.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Of an event its name, of an answer the path of the node; else empty.</param>
/// <param name="Value">JSON.</param>
/// <param name="At">UTC.</param>
public sealed record RunSignal(long Id, Id<DurableRun> RunId, SignalKind Kind, string Name, string Value, DateTimeOffset At);

/// <summary>What may come to a run from outside.</summary>
public enum SignalKind
{
    /// <summary>It is to be stopped.</summary>
    Cancel,

    /// <summary>An event, which nodes may wait for.</summary>
    Event,

    /// <summary>What a person says.</summary>
    Answer,
}

/// <summary>What a person says, as the value of a signal.</summary>
/// <param name="By">Handle of who it is.</param>
/// <param name="IsYes">Or no.</param>
/// <param name="Comment">May be empty.</param>
internal sealed record AnswerValue(string By, bool IsYes, string Comment)
{
    public string ToJson() => JsonSerializer.Serialize(this);

    public static AnswerValue Read(string json) => JsonSerializer.Deserialize<AnswerValue>(json)!;
}

/// <summary>A step of a run that is to be under way.</summary>
/// <param name="Step">It.</param>
/// <param name="Task">Of a task: what is written of it.</param>
/// <param name="Request">Of a request to a model: what is asked once it is written that it will be.</param>
internal sealed record OpenedStep(OpenStep Step, NewTask? Task = null, ModelStep? Request = null);

/// <summary>What is written of a run at once, or not at all.</summary>
/// <param name="Run">As it is after what has happened.</param>
/// <param name="LengthBefore">How much had happened to it before: should the log be longer by now, somebody else carries the run.</param>
/// <param name="Happened">In order, each as JSON.</param>
/// <param name="Closed">What is under way no more.</param>
/// <param name="Opened">What is from now on.</param>
/// <param name="Taken">Signals that have happened to it, or came to nothing.</param>
/// <param name="Read">Signals that wait.</param>
/// <param name="Output">Of one that has succeeded, as JSON.</param>
/// <param name="Error">Of one that has failed, as JSON.</param>
/// <param name="Events">What is told.</param>
internal sealed record RunCommit(
    DurableRun Run,
    long LengthBefore,
    IReadOnlyList<(RunLogEntry Entry, string Json)> Happened,
    IReadOnlyList<StepKey> Closed,
    IReadOnlyList<OpenedStep> Opened,
    IReadOnlyList<long> Taken,
    IReadOnlyList<long> Read,
    string? Output,
    string? Error,
    IReadOnlyList<NewEvent> Events);

/// <summary>What became of a commit.</summary>
/// <param name="IsLost">Somebody else carries the run: nothing was written.</param>
/// <param name="Refused">Submissions that were refused: each has happened to the run, behind what was committed.</param>
/// <param name="PutOff">Submissions for which there was no room among the account's open tasks.</param>
/// <param name="LogLength">Of the run now.</param>
/// <param name="LogBytes">Of the run now.</param>
/// <param name="Claimed">Tasks that run at this node, as it has offered.</param>
internal sealed record RunCommitted(bool IsLost, IReadOnlyList<RunLogEntry> Refused, IReadOnlyList<StepKey> PutOff, long LogLength, long LogBytes, IReadOnlyList<AgentTask> Claimed)
{
    public static RunCommitted Lost { get; } = new(true, [], [], 0, 0, []);
}

/// <summary>All that a run is made anew of.</summary>
/// <param name="Run">As it was last written.</param>
/// <param name="Input">JSON.</param>
/// <param name="Document">JSON.</param>
/// <param name="Log">What has happened, in order.</param>
/// <param name="Open">What is under way.</param>
/// <param name="Signals">What has come to it and has not happened yet.</param>
internal sealed record StoredRun(
    DurableRun Run, string Input, string Document, IReadOnlyList<RunLogEntry> Log, IReadOnlyList<OpenStep> Open, IReadOnlyList<RunSignal> Signals);

/// <summary>A task of a run that has ended.</summary>
/// <param name="Task">In its final state.</param>
/// <param name="Output">The output's bytes, when they are kept beside it.</param>
internal sealed record EndedTask(AgentTask Task, ReadOnlyMemory<byte>? Output);
