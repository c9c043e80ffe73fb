using Stoa.Node.Storage;

namespace Stoa.Node.Events;

/// <summary>Wakes live feeds: a wait for events after a position, whichever node of the cell commits them.</summary>
/// <remarks>
/// What this process commits is known at once. What other nodes commit on PostgreSQL is told by NOTIFY; should the listening
/// connection break, a look at the stream each second finds it all the same.
/// </remarks>
public sealed class EventSignal : IAsyncDisposable
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromSeconds(1);

    private readonly Signal _signal;
    private readonly ILogger<EventSignal> _log;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;

    public EventSignal(Database database, TimeProvider time, ILogger<EventSignal> log)
    {
        ArgumentNullException.ThrowIfNull(database);
        _signal = database.GetSignal(SqlEvents.Topic);
        _log = log;
        _time = time;
        _watching = database is PostgresDatabase postgres
            ? Task.WhenAll(Task.Run(() => ListenAsync(postgres)), Task.Run(() => PollAsync(postgres)))
            : Task.CompletedTask;
    }

    /// <summary>The sequence of the newest event that is known to be committed; 0 before the first.</summary>
    public long Newest => _signal.Value;

    /// <summary>Ends once an event after <paramref name="sequence"/> is known to be committed; at once when one is already.</summary>
    public Task WaitBeyondAsync(long sequence, CancellationToken cancellationToken) => _signal.WaitBeyondAsync(sequence, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private Task ListenAsync(PostgresDatabase database) => RepeatAsync(
        () => database.ListenAsync(SqlEvents.Topic, _stop.Token),
        "The connection that listens for events broke; until it is back, events of other nodes come up to a second later.");

    private async Task PollAsync(PostgresDatabase database)
    {
        using var timer = new PeriodicTimer(s_pollInterval, _time);
        await RepeatAsync(
            async () =>
            {
                await timer.WaitForNextTickAsync(_stop.Token);
                _signal.Raise(await database.ReadAsync(SqlEvents.LastSequenceAsync, _stop.Token));
            },
            "The event stream cannot be read; live feeds go on once it can.");
    }

    /// <summary>Does a step again and again until this signal is disposed of; of failures in a row it tells the first.</summary>
    private async Task RepeatAsync(Func<Task> step, string warning)
    {
        var isBroken = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await step();
                isBroken = false;
            }
            catch (Exception broken) when (!_stop.IsCancellationRequested)
            {
                if (!isBroken)
                    _log.LogWarning(broken, "{Warning}", warning);
                isBroken = true;
                await Task.Delay(s_pollInterval, _time, _stop.Token);
            }
        }
    }
}
