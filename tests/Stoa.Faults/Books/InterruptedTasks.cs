using System.Diagnostics;

namespace Stoa.Faults.Books;

/// <summary>Tasks that a fault interrupted, and how long it takes until each runs again or has ended.</summary>
/// <param name="eye">Sees it.</param>
/// <param name="promised">How long it may take.</param>
/// <param name="report">Told of what takes longer.</param>
internal sealed class InterruptedTasks(DatabaseEye eye, TimeSpan promised, FaultReport report)
{
    // Beyond the promise there is nothing to be learnt but whether it ever comes.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromMilliseconds(15);

    private readonly List<double> _resumeMs = [];
    private Dictionary<string, long> _waiting = [];

    /// <summary>How many there were; one that was interrupted twice counts twice.</summary>
    public int Count { get; private set; }

    /// <summary>How long each took.</summary>
    public IReadOnlyCollection<double> ResumeMs => _resumeMs;

    /// <summary>Takes note of what a fault has interrupted. What an earlier fault did and has not resumed yet waits on.</summary>
    public void Add(IReadOnlyDictionary<string, long> running)
    {
        Count += running.Count;
        foreach (var (id, token) in running)
            _waiting[id] = token;
    }

    /// <summary>Waits until all of them have resumed.</summary>
    /// <param name="since">From when on the time counts, by <see cref="Stopwatch"/>.</param>
    /// <param name="what">The fault, for what is said of a broken promise.</param>
    /// <param name="cancellationToken">Ends the wait; those that are left wait on.</param>
    public async Task WaitAsync(long since, string what, CancellationToken cancellationToken)
    {
        while (_waiting.Count > 0 && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                var still = await eye.ListStillAsync(_waiting, cancellationToken);
                var elapsed = Stopwatch.GetElapsedTime(since);
                foreach (var id in _waiting.Keys.Except(still).ToList())
                {
                    _waiting.Remove(id);
                    _resumeMs.Add(elapsed.TotalMilliseconds);
                    if (elapsed > promised)
                        report.Break($"{id} resumed {elapsed.TotalSeconds:0.0} s after {what}.");
                }

                if (elapsed > s_patience)
                {
                    report.Break($"{string.Join(", ", _waiting.Keys)} did not resume within {s_patience.TotalSeconds} s after {what}.");
                    _waiting = [];
                }
            }
            catch (System.Data.Common.DbException)
            {
                // The database is away just now.
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(s_lookEvery, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
