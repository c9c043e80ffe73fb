using System.Collections.Concurrent;
using Stoa.Market.Builds;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Tasks;

/// <summary>The compiled programs of the agents that ran last. Loading one again costs nothing.</summary>
/// <param name="engine">Compiles them.</param>
/// <param name="content">Where their bytes are.</param>
/// <param name="capacity">How many are kept.</param>
public sealed class AgentPrograms(Engine engine, IContentStore content, int capacity)
{
    private readonly ConcurrentDictionary<ContentHash, Entry> _entries = new();
    private long _uses;

    /// <summary>The program of a digest.</summary>
    /// <exception cref="IOException">It is not here, or cannot be read.</exception>
    /// <exception cref="InvalidModuleException">It is not a module that this engine takes.</exception>
    public async Task<Module> LoadAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        if (!_entries.TryGetValue(digest, out var entry))
        {
            entry = _entries.GetOrAdd(digest, new Entry(await CompileAsync(digest, cancellationToken)));
            Evict();
        }

        entry.LastUse = Interlocked.Increment(ref _uses);
        return entry.Module;
    }

    private async Task<Module> CompileAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        await using var stream = await content.OpenAsync(digest, cancellationToken)
            ?? throw new IOException($"The program {digest} is not in the content store.");
        if (stream.Length > engine.Options.MaxModuleBytes)
            throw new IOException($"The program {digest} has {stream.Length} bytes, more than the engine takes.");
        var bytes = new byte[stream.Length];
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        // A disk may rot: what runs is what the receipt will say, or nothing.
        return ContentHash.Of(bytes) == digest
            ? engine.Compile(bytes)
            : throw new IOException($"The bytes stored as {digest} are damaged.");
    }

    private void Evict()
    {
        while (_entries.Count > capacity && _entries.MinBy(pair => pair.Value.LastUse) is { Value: not null } oldest)
            _entries.TryRemove(oldest);
    }

    private sealed class Entry(Module module)
    {
        public Module Module { get; } = module;

        public long LastUse { get; set; } = long.MaxValue;
    }
}
