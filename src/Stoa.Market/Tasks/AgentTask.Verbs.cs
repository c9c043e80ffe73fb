using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>The transitions of docs/task-states.md, each a verb. A verb that does not fit the state is a bug of its caller.</summary>
public sealed partial record AgentTask
{
    /// <summary>The limits of a run that begins now: it has no more time than there is until the deadline.</summary>
    /// <param name="now">UTC.</param>
    public AgentLimits LimitsAt(DateTimeOffset now) =>
        DeadlineAt is { } deadline && Math.Max(1, (long)(deadline - now).TotalMilliseconds) is var leftMs && leftMs < Limits.TimeoutMs
            ? Limits with { TimeoutMs = leftMs }
            : Limits;

    /// <summary>Queued → running: a node takes it on, under a token greater than every earlier one.</summary>
    public AgentTask Claim(string holder, DateTimeOffset now)
    {
        _ = From<TaskState.Queued>();
        if (IsBidding)
            throw Misfit(nameof(Claim));
        return this with { Token = Token + 1, State = new TaskState.Running(new Lease(holder, Token + 1), now) };
    }

    /// <summary>Running → succeeded.</summary>
    public AgentTask Succeed(TaskResult result, DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { Attempts = Attempts + 1, State = new TaskState.Succeeded(result, now) };
    }

    /// <summary>Running → failed: the attempt ended badly and there will be no other.</summary>
    public AgentTask Fail(TaskFailure failure, DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { Attempts = Attempts + 1, State = new TaskState.Failed(failure, now) };
    }

    /// <summary>Running → queued: the attempt ended badly, another may end well.</summary>
    public AgentTask Retry(DateTimeOffset dueAt)
    {
        _ = From<TaskState.Running>();
        return this with { Attempts = Attempts + 1, State = new TaskState.Queued(dueAt) };
    }

    /// <summary>Running → queued: its agent failed it, and another one is to try.</summary>
    public AgentTask Reassign(
        Id<AgentVersion> agentId, ListingName agent, IReadOnlyList<TaskParameter> parameters, AgentLimits limits, DateTimeOffset now, int? volume = null)
    {
        _ = From<TaskState.Running>();
        return this with
        {
            AgentId = agentId,
            Agent = agent,
            Parameters = parameters,
            Limits = limits,
            Volume = volume,
            Attempts = Attempts + 1,
            State = new TaskState.Queued(now),
        };
    }

    /// <summary>Queued → queued: its auction is decided, and somebody has it.</summary>
    public AgentTask Assign(AwardedAgent agent, TaskAuction decided, TaskHold? hold, DateTimeOffset now)
    {
        _ = FromBidding();
        return this with
        {
            AgentId = agent.AgentId,
            Agent = agent.Agent,
            Parameters = agent.Parameters,
            Limits = agent.Limits,
            Hold = hold,
            Auction = decided,
            State = new TaskState.Queued(now),
        };
    }

    /// <summary>Queued → failed: nobody has bid for it.</summary>
    public AgentTask Unbid(TaskAuction decided, TaskFailure failure, DateTimeOffset now)
    {
        _ = FromBidding();
        return this with { Auction = decided, State = new TaskState.Failed(failure, now) };
    }

    /// <summary>Running → queued: the node stops and gives the task to others; nothing is counted.</summary>
    public AgentTask HandBack(DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { State = new TaskState.Queued(now) };
    }

    /// <summary>Running → queued: its node vanished.</summary>
    public AgentTask Lose(DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { Losses = Losses + 1, State = new TaskState.Queued(now) };
    }

    /// <summary>Running → failed: its nodes vanished too often.</summary>
    public AgentTask GiveUp(TaskFailure failure, DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { Losses = Losses + 1, State = new TaskState.Failed(failure, now) };
    }

    /// <summary>Running → running: the consumer wants it stopped, and the node will see that.</summary>
    public AgentTask RequestCancel(DateTimeOffset now)
    {
        _ = From<TaskState.Running>();
        return this with { CancelRequestedAt = CancelRequestedAt ?? now };
    }

    /// <summary>Queued, or running and stopped by its node → cancelled.</summary>
    /// <param name="now">UTC.</param>
    /// <param name="charged">What models have answered for it costs so much.</param>
    public AgentTask Cancel(DateTimeOffset now, Money charged = default) => State.IsFinal
        ? throw Misfit(nameof(Cancel))
        : this with { CancelRequestedAt = CancelRequestedAt ?? now, State = new TaskState.Cancelled(now, charged) };

    /// <summary>Queued → failed: its deadline has passed while it waited.</summary>
    public AgentTask Expire(DateTimeOffset now)
    {
        _ = From<TaskState.Queued>();
        return IsBidding ? throw Misfit(nameof(Expire)) : this with { State = new TaskState.Failed(TaskFailure.Late("It was not begun by its deadline."), now) };
    }

    /// <summary>Queued → queued: due at once.</summary>
    public AgentTask Expedite(DateTimeOffset now)
    {
        _ = From<TaskState.Queued>();
        return IsBidding ? throw Misfit(nameof(Expedite)) : this with { State = new TaskState.Queued(now) };
    }

    private AgentTask FromBidding([System.Runtime.CompilerServices.CallerMemberName] string verb = "") => IsBidding ? this : throw Misfit(verb);

    private TState From<TState>([System.Runtime.CompilerServices.CallerMemberName] string verb = "")
        where TState : TaskState =>
        State as TState ?? throw Misfit(verb);

    private InvalidOperationException Misfit(string verb) => new($"{verb} does not apply to {Id}, which is {State.Name}.");
}
