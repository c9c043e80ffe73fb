using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.Workflows;
using Stoa.Market.Workflows.Durable;
using Stoa.Primitives;

namespace Stoa.Node.Workflows.Durable;

/// <summary>Looks at runs as a whole, whichever node carries them: makes them anew of what is written, as whoever carries them does.</summary>
/// <param name="store">Where they are written.</param>
/// <param name="documents">Workflows that were read.</param>
internal sealed class RunLooks(SqlRunStore store, WorkflowDocuments documents) : IDisposable
{
    // One of a hundred thousand steps takes a second of a processor and a hundred megabytes.
    private readonly SemaphoreSlim _turns = new(2);
    private (Id<DurableRun> Id, long Length, RunLook Look)? _last;

    /// <summary>A run with all of its steps; null when the account has none such.</summary>
    public async Task<RunLook?> FindAsync(Id<DurableRun> id, Id<User> owner, CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, owner, cancellationToken) is not { } found)
            return null;
        await _turns.WaitAsync(cancellationToken);
        try
        {
            // Page after page of one that is over is a look at the same.
            if (_last is var (last, length, look) && last == id && length == found.Run.LogLength && found.Run.EndedAt is not null)
                return look;
            if (await store.LoadAsync(id, cancellationToken) is not { } stored)
                return null;
            var workflow = documents.Read(stored.Run.Digest, stored.Document);
            var replayed = ReplayedRun.Begin(workflow, JsonElement.Parse(stored.Input), stored.Run.CreatedAt);
            foreach (var entry in stored.Log)
            {
                cancellationToken.ThrowIfCancellationRequested();
                replayed.Apply(entry);
            }

            look = new RunLook(stored.Run, workflow, replayed, stored.Open.Where(step => step.IsWork).ToLookup(step => step.Key.Path));
            _last = (id, stored.Run.LogLength, look);
            return look;
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose() => _turns.Dispose();
}

/// <summary>A run as it was at one moment. It is not changed any more.</summary>
/// <param name="Run">As it was written.</param>
/// <param name="Workflow">That it began with.</param>
/// <param name="Replayed">What has become of its nodes.</param>
/// <param name="Open">Tasks and requests that it has under way, by path.</param>
internal sealed record RunLook(DurableRun Run, Workflow Workflow, ReplayedRun Replayed, ILookup<string, OpenStep> Open);
