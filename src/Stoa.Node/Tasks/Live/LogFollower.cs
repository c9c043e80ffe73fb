using System.Runtime.CompilerServices;
using System.Text;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>Follows the log of a task through all of its attempts, wherever in the cell they run, to the end of the task.</summary>
/// <remarks>A follower has one buffer and no queue: it reads from the log itself when its reader is ready, and skips what is gone by then.</remarks>
public sealed class LogFollower(ITaskStore tasks, TaskWorkers workers, LiveTasks live, TaskWaiters waiters, TasksOptions options, TimeProvider time)
{
    private const int PieceBytes = 16 << 10;

    // An agent that writes byte by byte is told of in pieces all the same.
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private TimeSpan PollInterval => TimeSpan.FromMilliseconds(options.PollMs);

    /// <summary>Follows a log.</summary>
    /// <param name="id">The task, which exists.</param>
    /// <param name="after">Where to begin: of an earlier attempt than the newest, the newest is begun with.</param>
    /// <param name="cancellationToken">Ends the following; the task goes on.</param>
    public async IAsyncEnumerable<LogStep> FollowAsync(Id<AgentTask> id, LogPosition after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = live.Follow(id);
        using var end = waiters.Listen(id);
        var at = after;
        // Up to which lease all has been read.
        var read = after.Token - 1;
        var buffer = new byte[PieceBytes];
        while (await tasks.GetAsync(id, cancellationToken) is { } task)
        {
            if (at.Token > task.Token)
                (at, read) = (default, -1);
            Show(watch, task);
            var next = watch.FirstAfter(read);
            if (next is null && task.State.IsFinal)
            {
                foreach (var piece in Cut(task, await tasks.ReadLogAsync(id, cancellationToken), at))
                {
                    yield return piece;
                    at = piece.End;
                }

                yield return new LogStep.Ended(task, at.Token == task.Token ? at : new LogPosition(task.Token, 0));
                yield break;
            }

            if (next is null)
            {
                await WaitForChangeAsync(watch, end, read, task, cancellationToken);
                continue;
            }

            if (at.Token != next.Token)
                at = new LogPosition(next.Token, 0);
            while (await NextAsync(next, watch, at, buffer, cancellationToken) is { } piece)
            {
                at = piece.End;
                yield return piece;
                if (piece.End.Offset - piece.Start.Offset < PieceBytes / 2)
                    await Task.Delay(s_pace, time, cancellationToken);
            }

            read = next.Token;
        }
    }

    /// <summary>The log as far as it has come: of a task that has ended what is kept, of one that runs what can be seen of it.</summary>
    public async Task<KeptLog> SnapshotAsync(AgentTask task, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.State is not TaskState.Running)
            return await tasks.ReadLogAsync(task.Id, cancellationToken);
        using var watch = live.Follow(task.Id);
        Show(watch, task);
        using var patience = new CancellationTokenSource(s_patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await watch.WaitNewerAsync(task.Token - 1, either.Token);
            await watch.FirstAfter(task.Token - 1)!.CaughtUp.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The other node is silent, or the task ended just now.
        }

        var kept = watch.FirstAfter(task.Token - 1)?.Log.Keep() ?? default;
        return kept.IsEmpty ? await tasks.ReadLogAsync(task.Id, cancellationToken) : kept;
    }

    private void Show(LiveTasks.Watch watch, AgentTask task)
    {
        if (task.State is TaskState.Running && workers.Find(new LeaseRef(task.Id, task.Token)) is { } attempt)
            watch.Show(attempt);
    }

    /// <summary>Waits for another attempt, the end of the task, or until it is time to look again.</summary>
    private async Task WaitForChangeAsync(LiveTasks.Watch watch, TaskWaiters.Waiter end, long read, AgentTask seen, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var newer = watch.WaitNewerAsync(read, over.Token);
        var ended = end.WaitAsync(seen, PollInterval, over.Token);
        await Task.WhenAny(newer, ended);
        await over.CancelAsync();
        await Task.WhenAll(newer, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>The next piece of an attempt's log; null when it is at its end, or the attempt is not the task's any more.</summary>
    private async Task<LogStep.Piece?> NextAsync(AttemptLog attempt, LiveTasks.Watch watch, LogPosition at, byte[] buffer, CancellationToken cancellationToken)
    {
        // What lies before this is known to be less than a character.
        var beyond = at.Offset;
        while (await WaitBeyondAsync(attempt, watch, beyond, cancellationToken))
        {
            var isComplete = attempt.Log.IsComplete;
            var (start, count) = attempt.Log.Read(at.Offset, buffer);
            var isEnd = isComplete && start + count == attempt.Log.Written;
            // A place behind the end is no place in this log: then nothing was skipped.
            if (Take(buffer.AsSpan(0, count), at.Token, start, Math.Max(0, start - at.Offset), attempt.Attempt, isEnd) is { } piece)
                return piece;
            if (isEnd)
                return null;
            beyond = Math.Max(beyond, start + count);
        }

        return null;
    }

    /// <summary>Waits for bytes beyond an offset, or for the end of the log. False when the attempt was at another node and is not the task's any more.</summary>
    private async Task<bool> WaitBeyondAsync(AttemptLog attempt, LiveTasks.Watch watch, long offset, CancellationToken cancellationToken)
    {
        if (!attempt.IsMirror)
        {
            await attempt.Log.WaitBeyondAsync(offset, cancellationToken);
            return true;
        }

        // A node that has died says nothing of it.
        while (true)
        {
            using var patience = new CancellationTokenSource(PollInterval, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            try
            {
                await attempt.Log.WaitBeyondAsync(offset, either.Token);
                return true;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                if (watch.FirstAfter(attempt.Token) is not null || await tasks.GetAsync(watch.TaskId, cancellationToken) is not { State: TaskState.Running } task || task.Token != attempt.Token)
                    return false;
            }
        }
    }

    /// <summary>A piece of whole characters; null when there is less than one.</summary>
    private static LogStep.Piece? Take(ReadOnlySpan<byte> bytes, long token, long start, long skipped, int attempt, bool isEnd)
    {
        var torn = skipped > 0 ? LogText.CountTorn(bytes) : 0;
        var text = bytes[torn..];
        if (!isEnd)
            text = text[..^LogText.CountUnfinished(text)];
        if (text.IsEmpty)
            return null;
        var begin = new LogPosition(token, start + torn);
        return new LogStep.Piece(begin, begin with { Offset = begin.Offset + text.Length }, attempt, skipped + torn, Encoding.UTF8.GetString(text));
    }

    /// <summary>What a reader at a position does not have of a log that is kept.</summary>
    private static IEnumerable<LogStep.Piece> Cut(AgentTask task, KeptLog log, LogPosition after)
    {
        var offset = after.Token == task.Token ? after.Offset : 0;
        var attempt = task.State is TaskState.Cancelled ? task.Attempts + 1 : task.Attempts;
        while (offset < log.End)
        {
            var start = Math.Max(offset, log.Start);
            var bytes = log.Bytes[(int)(start - log.Start)..];
            var isLast = bytes.Length <= PieceBytes;
            if (Take((isLast ? bytes : bytes[..PieceBytes]).Span, task.Token, start, start - offset, attempt, isLast) is not { } piece)
                yield break;
            yield return piece;
            offset = piece.End.Offset;
        }
    }
}
