using System.Collections.Concurrent;
using Stoa.Market.Inference.Routing;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Programs;

/// <summary>The programs that this node serves as models, by the addresses of their replicas.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
public sealed class ModelPrograms
{
    /// <summary>Of addresses that stand for a program in this node, such as <c>wasm://node/repl_…</c>. No server can be registered with it.</summary>
    public const string Scheme = "wasm";

    private readonly ConcurrentDictionary<string, ModelProgram> _all = new(StringComparer.Ordinal);

    /// <summary>Where a replica's program is asked.</summary>
    internal static Uri AddressOf(Id<Replica> replica) => new($"{Scheme}://node/{replica}");

    /// <summary>Has requests find a program, until what comes back is disposed of.</summary>
    internal IDisposable Serve(Id<Replica> replica, ModelProgram program)
    {
        var key = replica.ToString();
        _all[key] = program;
        return new Place(this, key);
    }

    /// <summary>The program of an address, and what of it is asked.</summary>
    /// <param name="address">Below that of a replica.</param>
    /// <returns>No program where none is served.</returns>
    internal (ModelProgram? Program, string Endpoint) Find(Uri address)
    {
        var path = address.AbsolutePath.AsSpan(1);
        var slash = path.IndexOf('/');
        return slash < 0 ? (null, "") : (_all.GetValueOrDefault(path[..slash].ToString()), path[(slash + 1)..].ToString());
    }

    private sealed class Place(ModelPrograms programs, string key) : IDisposable
    {
        public void Dispose() => programs._all.TryRemove(key, out _);
    }
}
