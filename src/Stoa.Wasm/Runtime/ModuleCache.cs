namespace Stoa.Wasm.Runtime;

/// <summary>The modules used last, found by their bytes, up to a number of modules and of bytes.</summary>
/// <remarks>
/// A fast hash says which module may be the one, and a comparison of all bytes whether it is: together a tenth of what a cryptographic
/// digest takes, which would be most of the time that a known module needs. Of two modules with the same hash the later one is kept.
/// </remarks>
internal sealed class ModuleCache(int maxModules, long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, LinkedListNode<Entry>> _modules = [];
    private readonly LinkedList<Entry> _byUse = [];
    private long _bytes;

    public Module? Find(ReadOnlySpan<byte> wasm)
    {
        if (maxModules == 0)
            return null;
        var key = KeyOf(wasm);
        LinkedListNode<Entry>? node;
        lock (_lock)
            _modules.TryGetValue(key, out node);

        // Outside of the lock, because it takes a while: the bytes of a module never change.
        if (node is null || !wasm.SequenceEqual(node.Value.Module.Definition.Bytes.Span))
            return null;
        lock (_lock)
        {
            if (node.List is not null)
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
            }
        }

        return node.Value.Module;
    }

    /// <summary>Keeps a module, unless an equal one is there already.</summary>
    /// <returns>The module that is kept.</returns>
    public Module Keep(Module module)
    {
        var wasm = module.Definition.Bytes.Span;
        if (maxModules == 0 || wasm.Length > maxBytes)
            return module;
        var key = KeyOf(wasm);
        lock (_lock)
        {
            if (_modules.TryGetValue(key, out var node))
            {
                if (wasm.SequenceEqual(node.Value.Module.Definition.Bytes.Span))
                    return node.Value.Module;
                Remove(node);
            }

            _modules.Add(key, _byUse.AddFirst(new Entry(key, module)));
            _bytes += wasm.Length;
            while (_modules.Count > maxModules || _bytes > maxBytes)
                Remove(_byUse.Last!);
            return module;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _modules.Remove(node.Value.Key);
        _byUse.Remove(node);
        _bytes -= node.Value.Key.Length;
    }

    private static Key KeyOf(ReadOnlySpan<byte> wasm)
    {
        var hash = new HashCode();
        hash.AddBytes(wasm);
        return new Key(wasm.Length, hash.ToHashCode());
    }

    private readonly record struct Key(int Length, int Hash);

    private readonly record struct Entry(Key Key, Module Module);
}
