using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks.Live;

/// <summary>The log of one attempt on its way to one node. What is sent is confirmed afterwards: what could not be sent is sent again.</summary>
/// <param name="attempt">It runs here.</param>
/// <param name="node">Where it is followed.</param>
internal sealed class LogForwarding(Attempt attempt, string node)
{
    // A quarter of a megabyte a second, with ten turns of it. An agent that writes more is followed with gaps, and its watchers are told.
    private const int MaxPieces = 4;

    private long _sent;
    private long _sending;
    private bool _isBegun;
    private bool _isEnding;

    public Attempt Attempt => attempt;

    public string Node => node;

    /// <summary>Whether all of it has been sent, and that it is all.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Goes back to where the node is, when it asks for that.</summary>
    public void Heed(CellMessage.WatchLog watch)
    {
        if (!watch.IsAgain && _isBegun)
            return;
        _sent = watch.Token == attempt.Task.Token ? watch.Offset : 0;
        _isBegun = false;
    }

    /// <summary>What is to be sent now.</summary>
    public IReadOnlyList<CellMessage> Collect()
    {
        var messages = new List<CellMessage>();
        var log = attempt.Progress.Log;
        var isComplete = log.IsComplete;
        var (id, token, number, buffer) = (attempt.Task.Id, attempt.Task.Token, attempt.Task.Attempts + 1, new byte[CellMessage.MaxLogBytes]);
        _sending = _sent;
        while (messages.Count < MaxPieces)
        {
            var goal = log.Written;
            var (start, count) = log.Read(_sending, buffer);
            if (count == 0 && (_isBegun || messages.Count > 0))
                break;
            // The first one is sent even if it is empty: it says that the attempt runs and has said nothing yet.
            messages.Add(new CellMessage.LogBytes(id, token, number, _sending, start, goal, buffer.AsSpan(0, count).ToArray()));
            _sending = start + count;
        }

        _isEnding = isComplete && _sending >= log.Written;
        if (_isEnding)
            messages.Add(new CellMessage.LogEnd(id, token));
        return messages;
    }

    /// <summary>Says that what was collected has been sent.</summary>
    public void Confirm() => (_sent, _isBegun, IsOver) = (_sending, true, _isEnding);
}
