using System.Diagnostics;
using Stoa.Market.Inference.Batching;
using Stoa.Market.Inference.Routing;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Requests that are asked together when their turn has come. One thread at a time, but for <see cref="Gone"/>.</summary>
/// <param name="line">Where they wait.</param>
/// <param name="mostInputs">It has no more inputs than that.</param>
internal sealed class GatheredBatch(BatchLine line, int mostInputs) : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private readonly List<BatchMember> _members = [];
    private int _left;
    private bool _isOver;

    /// <summary>Where they wait.</summary>
    public BatchLine Line => line;

    /// <summary>The requests, in their order.</summary>
    public IReadOnlyList<BatchMember> Members => _members;

    /// <summary>Cancelled when nobody is left who wants the answer.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Whether its turn has come: from then on its members stay as they are.</summary>
    public bool IsSent { get; private set; }

    /// <summary>Whether no other request has room in it.</summary>
    public bool IsFull => Inputs >= mostInputs;

    private int Inputs => _members.Sum(member => member.Input.Count);

    /// <summary>Whether a request has room in it.</summary>
    public bool HasRoomFor(EmbeddingInput input) =>
        Inputs + input.Count <= mostInputs && _members.Sum(member => member.Input.Items.Length) + input.Items.Length <= EmbeddingBatch.MostBytes;

    /// <summary>One more, before its turn.</summary>
    public void Add(BatchMember member) => _members.Add(member);

    /// <summary>One less, before its turn.</summary>
    public void Remove(BatchMember member) => _members.Remove(member);

    /// <summary>Its turn has come.</summary>
    public void Send() => (IsSent, _left) = (true, _members.Count);

    /// <summary>Whoever made one of the requests does not wait for the answer any more. When none does, it is given up.</summary>
    public void Leave()
    {
        if (--_left == 0 && !_isOver)
            _ = _gone.CancelAsync();
    }

    /// <summary>It has ended.</summary>
    public void Dispose()
    {
        _isOver = true;
        _gone.Dispose();
    }
}

/// <summary>A request that is asked together with others.</summary>
/// <param name="call">Who asks.</param>
/// <param name="model">What it names as its model.</param>
/// <param name="input">What it asks.</param>
internal sealed class BatchMember(InferenceCall call, string model, EmbeddingInput input)
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly TaskCompletionSource<BatchTurn> _turn = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Who asks.</summary>
    public InferenceCall Call => call;

    /// <summary>What it names as its model.</summary>
    public string Model => model;

    /// <summary>What it asks.</summary>
    public EmbeddingInput Input => input;

    /// <summary>How it goes on.</summary>
    public Task<BatchTurn> Turn => _turn.Task;

    /// <summary>So it goes on.</summary>
    public void Give(BatchTurn turn) => _turn.TrySetResult(turn);

    /// <summary>Something broke that is no server's fault.</summary>
    public void Fail(Exception bug) => _turn.TrySetException(bug);

    /// <summary>How long it waited until so and so, in milliseconds.</summary>
    public double WaitedMs(long until) => Stopwatch.GetElapsedTime(_began, until).TotalMilliseconds;
}

/// <summary>Requests of one model that may be asked together: those that are, and those that wait for it.</summary>
/// <param name="key">In what they are the same.</param>
internal sealed class BatchLine(BatchKey key)
{
    /// <summary>In what they are the same.</summary>
    public BatchKey Key => key;

    /// <summary>How many requests are under way, each of one or of several.</summary>
    public int UnderWay { get; set; }

    /// <summary>Those that go next; null when nobody waits.</summary>
    public GatheredBatch? Gathered { get; set; }

    /// <summary>Whether one more may go: each replica has one at a time.</summary>
    public bool HasRoom => UnderWay < Math.Max(1, key.Model.Replicas.Count);
}

/// <summary>In what requests are the same that are asked together.</summary>
/// <param name="Model">Which they ask.</param>
/// <param name="Traits">What they say besides.</param>
/// <param name="Region">Where they should be answered; null for anywhere.</param>
internal readonly record struct BatchKey(ModelFleet Model, EmbeddingTraits Traits, string? Region);
