using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>All calls of one attempt: what the agents of its tree share.</summary>
/// <param name="programs">Who may call whom.</param>
/// <param name="sandbox">Runs those that are called.</param>
/// <param name="threads">On what they run.</param>
/// <param name="isTimed">False where a receipt is run again: time limits are not what decides there.</param>
/// <param name="cancellationToken">Stops the attempt.</param>
public sealed class TaskCalls(CallablePrograms programs, AgentSandbox sandbox, GuestThreads threads, bool isTimed, CancellationToken cancellationToken)
{
    /// <summary>Most calls of one task, at all levels.</summary>
    public const int MostCalls = 64;

    private readonly List<AgentCall> _calls = [];
    private CallEndsTaskException? _ending;
    private int _count;

    /// <summary>Asks models for them; null where none can be asked, as when a receipt is run again.</summary>
    public TaskModels? Models { get; init; }

    /// <summary>How many have begun; may be asked from any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether a call that took too long has ended the task; of an attempt that is over.</summary>
    public bool HasEndedTask => _ending is not null;

    /// <summary>Runs those that are called.</summary>
    internal AgentSandbox Sandbox => sandbox;

    /// <summary>On what they run.</summary>
    internal GuestThreads Threads => threads;

    /// <summary>Who may call whom.</summary>
    internal CallablePrograms Programs => programs;

    /// <summary>Whether time limits hold.</summary>
    internal bool IsTimed => isTimed;

    /// <summary>Whether the attempt as a whole is to stop, and not only one that ran out of time.</summary>
    internal bool IsStopped => cancellationToken.IsCancellationRequested;

    /// <summary>The desk of the task's own agent; null for one that calls nobody and asks no model.</summary>
    public AgentCallDesk? DeskOf(long seed, long clockMs) => programs.Tree.IsEmpty ? null : new AgentCallDesk(this, programs.Tree, number: 0, seed, clockMs);

    /// <summary>The calls in the order of their numbers. One that was made for a call that failed costs nothing either.</summary>
    public IReadOnlyList<AgentCall> Complete()
    {
        var calls = new List<AgentCall>(_calls.Count);
        var isPaid = new bool[_calls.Count + 1];
        isPaid[0] = true;
        foreach (var call in _calls)
        {
            isPaid[call.Number] = call.Failure is null && isPaid[call.Parent];
            calls.Add(isPaid[call.Number] ? call : call with { Price = Money.Zero });
        }

        return calls;
    }

    /// <summary>The requests to models in the order of their numbers. Those that were made for a call that failed cost nothing either.</summary>
    public IReadOnlyList<ModelRequest> CompleteRequests()
    {
        if (Models is not { Requests: { Count: > 0 } requests })
            return [];
        var isPaid = new HashSet<int>([0]);
        foreach (var call in _calls.Where(call => call.Failure is null && isPaid.Contains(call.Parent)))
            isPaid.Add(call.Number);
        return [.. requests.Select(request => request.Paid is not { } paid || isPaid.Contains(request.Caller)
            ? request
            : request with { Paid = paid with { Price = default } })];
    }

    /// <summary>Gives the number of a call that begins; null when there were too many.</summary>
    internal int? Begin(int parent, CallBranch branch, ContentHash input, long inputBytes)
    {
        if (_calls.Count >= MostCalls)
            return null;
        var number = _calls.Count + 1;
        _calls.Add(new AgentCall(
            number, parent, branch.Called, branch.Limits, input, inputBytes, Output: null, new Usage(0, 0, 0, 0, 0), FailureCode.NotStartable, Money.Zero));
        Volatile.Write(ref _count, number);
        return number;
    }

    /// <summary>Ends the task for what has taken too long. However deep that is, it is the one that is told of: those above it end by it.</summary>
    internal CallEndsTaskException EndTask(string why) => _ending ??= new CallEndsTaskException(why);

    /// <summary>The agent of a call; null for the task's own.</summary>
    internal ListingName? AgentOf(int number) => number == 0 ? null : _calls[number - 1].Agent.Listing;

    /// <summary>Writes down how it ended.</summary>
    internal void End(int number, Func<AgentCall, AgentCall> end) => _calls[number - 1] = end(_calls[number - 1]);
}
