using Stoa.Primitives;

namespace Stoa.Wasm.Runtime;

/// <summary>The modules used last, by the hash of their bytes, up to a number of modules and of bytes.</summary>
internal sealed class ModuleCache(int maxModules, long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ContentHash, LinkedListNode<Module>> _modules = [];
    private readonly LinkedList<Module> _byUse = [];
    private long _bytes;

    public Module? Find(ContentHash digest)
    {
        lock (_lock)
        {
            if (!_modules.TryGetValue(digest, out var node))
                return null;
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value;
        }
    }

    /// <summary>Keeps a module, unless an equal one is there already.</summary>
    /// <returns>The module that is kept.</returns>
    public Module Keep(Module module)
    {
        lock (_lock)
        {
            if (_modules.TryGetValue(module.Digest, out var node))
                return node.Value;
            _modules.Add(module.Digest, _byUse.AddFirst(module));
            _bytes += module.Definition.Bytes.Length;
            while (_modules.Count > 0 && (_modules.Count > maxModules || _bytes > maxBytes))
            {
                var last = _byUse.Last!.Value;
                _byUse.RemoveLast();
                _modules.Remove(last.Digest);
                _bytes -= last.Definition.Bytes.Length;
            }

            return module;
        }
    }
}
