using System.Text.RegularExpressions;
using Stoa.Market.Events;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Background;
using Stoa.Node.Events;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>Lets those who watch at one node of a cell see what runs at another: who watches is said to all nodes, and the node that has the task answers the one that asked.</summary>
/// <remarks>
/// All of it goes by NOTIFY of the database that the nodes share, in payloads and never in tables: it is worth nothing later. A
/// node renews what is watched at it, and says how far it has come; one that is silent is sent nothing more, so that nothing piles up. Embedded
/// there are no other nodes, and nothing is done.
/// </remarks>
public sealed partial class CellWire(
    LiveTasks tasks,
    RemoteWatchers watchers,
    LiveEvents events,
    TaskWorkers workers,
    LeaseHolder self,
    Database database,
    TimeProvider time,
    ILogger<CellWire> log) : BackgroundService
{
    private const string ToAll = "stoa_watch";
    private const string ToOne = "stoa_live_";

    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly WakeSignal _asking = new();
    private readonly WakeSignal _answering = new();
    private readonly List<LogForwarding> _forwardings = [];
    private readonly HashSet<object> _asked = [];
    private long _askedAt;
    private volatile bool _isAgain;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (database is not PostgresDatabase cell)
            return;
        tasks.Watched += _asking.Set;
        events.Subscribed += _asking.Set;
        try
        {
            await Task.WhenAll(
                RepeatAsync(() => cell.ListenAsync([ToAll, ToOne + self.Boot], Hear, OnListening, stoppingToken), stoppingToken),
                RepeatAsync(() => AskAsync(cell, stoppingToken), stoppingToken),
                RepeatAsync(() => AnswerAsync(cell, stoppingToken), stoppingToken));
        }
        finally
        {
            tasks.Watched -= _asking.Set;
            events.Subscribed -= _asking.Set;
        }
    }

    private void OnListening()
    {
        // What was sent while nobody listened is lost.
        _isAgain = true;
        _asking.Set();
    }

    private void Hear(string channel, string payload)
    {
        var lines = payload.Split('\n');
        if (channel != ToAll)
        {
            foreach (var line in lines)
                Take(CellMessage.Parse(line));
            return;
        }

        // The first line is who asks.
        if (lines[0] == self.Boot || !NodeName().IsMatch(lines[0]))
            return;
        foreach (var line in lines.Skip(1))
        {
            if (CellMessage.Parse(line) is { } message)
                watchers.Hear(lines[0], message);
        }

        _answering.Set();
    }

    private void Take(CellMessage? message)
    {
        switch (message)
        {
            case CellMessage.LogBytes piece:
                tasks.Take(piece);
                break;
            case CellMessage.LogEnd end:
                tasks.Take(end);
                break;
            case CellMessage.Progress progress:
                events.Publish(progress.ToEvent());
                break;
        }
    }

    /// <summary>Says what is watched here: all of it when it is time to renew it, and what is new in between.</summary>
    private async Task AskAsync(PostgresDatabase cell, CancellationToken cancellationToken)
    {
        // Those who come together are told of together.
        await Task.Delay(s_gathering, time, cancellationToken);
        var isAgain = _isAgain;
        _isAgain = false;
        if (isAgain || time.GetElapsedTime(_askedAt) >= RemoteWatchers.Renewal)
        {
            _asked.Clear();
            _askedAt = time.GetTimestamp();
        }

        List<(object Key, CellMessage Message)> watches = [.. tasks.ListMissing(isAgain), .. ListEventWatches().Select(watch => ((object)watch, watch))];
        if (watches.Count == 0)
            _asked.Clear();
        List<CellMessage> messages = [.. watches.Where(watch => _asked.Add(watch.Key)).Select(watch => watch.Message)];
        try
        {
            await cell.NotifyAsync([.. CellMessage.Pack(self.Boot, messages).Select(payload => (ToAll, payload))], cancellationToken);
        }
        catch
        {
            _isAgain = true;
            throw;
        }

        var untilRenewal = RemoteWatchers.Renewal - time.GetElapsedTime(_askedAt);
        await _asking.WaitAsync(
            watches.Count == 0 ? Timeout.InfiniteTimeSpan : untilRenewal > TimeSpan.Zero ? untilRenewal : TimeSpan.Zero, time, cancellationToken);
    }

    private IEnumerable<CellMessage> ListEventWatches()
    {
        foreach (var filter in events.Filters.Where(filter => filter.Types.Count == 0 || filter.Types.Contains(EventTypes.TaskProgress)))
        {
            if (Id<AgentTask>.TryParse(filter.Subject, out var task))
                yield return new CellMessage.WatchTask(task);
            else if (filter.Subject is null && filter.Viewer is { } owner)
                yield return new CellMessage.WatchOwner(owner);
        }
    }

    /// <summary>Sends those who watch elsewhere what is new.</summary>
    private async Task AnswerAsync(PostgresDatabase cell, CancellationToken cancellationToken)
    {
        watchers.Prune();
        // Before the running ones are looked at: one that begins and ends in between is among these.
        foreach (var attempt in watchers.TakeBegun().Concat(workers.Running))
        {
            foreach (var node in watchers.ListFollowers(attempt.Task.Id))
            {
                if (!_forwardings.Any(known => known.Attempt == attempt && known.Node == node))
                    _forwardings.Add(new LogForwarding(attempt, node));
            }
        }

        var outgoing = new List<(string Node, CellMessage Message)>();
        foreach (var forwarding in _forwardings.ToList())
        {
            if (watchers.TakeFollower(forwarding.Attempt.Task.Id, forwarding.Node) is not { } watch)
            {
                _forwardings.Remove(forwarding);
                continue;
            }

            forwarding.Heed(watch);
            outgoing.AddRange(forwarding.Collect().Select(message => (forwarding.Node, message)));
        }

        foreach (var progress in watchers.TakeProgress())
            outgoing.AddRange(watchers.ListProgressNodes(progress.TaskId, progress.OwnerId).Select(node => (node, (CellMessage)progress)));
        await cell.NotifyAsync(
            [.. outgoing.GroupBy(one => one.Node).SelectMany(node => CellMessage.Pack(null, node.Select(one => one.Message)).Select(payload => (ToOne + node.Key, payload)))],
            cancellationToken);
        foreach (var forwarding in _forwardings)
            forwarding.Confirm();
        _forwardings.RemoveAll(forwarding => forwarding.IsOver);

        if (watchers.IsEmpty)
            await _answering.WaitAsync(Timeout.InfiniteTimeSpan, time, cancellationToken);
        else
            await Task.Delay(s_turn, time, cancellationToken);
    }

    /// <summary>Does a step again and again until the node stops; of failures in a row it tells the first.</summary>
    private async Task RepeatAsync(Func<Task> step, CancellationToken cancellationToken)
    {
        var isBroken = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await step();
                isBroken = false;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken)
            {
                if (!isBroken)
                    log.LogWarning(broken, "The nodes of the cell cannot tell each other of running tasks; logs and progress are seen at the node that runs a task.");
                isBroken = true;
                await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [GeneratedRegex("^[0-9a-f]{1,40}$")]
    private static partial Regex NodeName();
}
