using Stoa.Primitives;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>Makes modules out of bytes, and remembers the last ones. One engine serves a whole process, from any thread.</summary>
/// <example>
/// <code>
/// var engine = new Engine();
/// var module = engine.Compile(File.ReadAllBytes("add.wasm"));
/// using var instance = module.Instantiate(new Imports());
/// int sum = instance.Invoke("add", 2, 3)[0].ToInt32();
/// </code>
/// </example>
public sealed class Engine
{
    private readonly ModuleCache _cache;

    /// <summary>Makes an engine.</summary>
    public Engine(EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        _cache = new ModuleCache(Options.CachedModules, Options.CachedModuleBytes);
        HasGuardPages = Options.BoundsChecks == BoundsChecks.Automatic && GuardPages.Arena is not null;
    }

    /// <summary>What it admits.</summary>
    public EngineOptions Options { get; }

    /// <summary>Whether accesses out of bounds are found by guard pages.</summary>
    public bool HasGuardPages { get; }

    /// <summary>Decodes and validates a module, or takes it from the cache. Its functions are compiled when they are first called.</summary>
    /// <exception cref="InvalidModuleException">The bytes are not a valid module within the limits.</exception>
    /// <remarks>The bytes are copied unless the module comes from the cache.</remarks>
    public Module Compile(ReadOnlyMemory<byte> wasm)
    {
        if (wasm.Length > Options.MaxModuleBytes)
        {
            throw new InvalidModuleException(
                InvalidModuleKind.LimitExceeded, wasm.Length, $"module is longer than {Options.MaxModuleBytes} bytes");
        }

        var digest = ContentHash.Of(wasm.Span);
        if (_cache.Find(digest) is { } known)
            return known;
        var definition = ModuleDecoder.Decode(wasm.ToArray(), Options);
        return _cache.Keep(new Module(this, definition, digest));
    }
}
