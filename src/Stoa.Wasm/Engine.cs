using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;
using Stoa.Wasm.Text;

namespace Stoa.Wasm;

/// <summary>Makes modules out of bytes, and remembers the last ones. One engine serves a whole process, from any thread.</summary>
/// <example>
/// <code>
/// var engine = new Engine();
/// var module = engine.Compile(File.ReadAllBytes("add.wasm"));
/// using var instance = module.Instantiate();
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

        if (_cache.Find(wasm.Span) is { } known)
            return known;
        var definition = ModuleDecoder.Decode(wasm.ToArray(), Options);
        return _cache.Keep(new Module(this, definition));
    }

    /// <summary>Compiles a module in the text format of WebAssembly 2.0, as a <c>.wat</c> file holds it.</summary>
    /// <param name="text">The module. Its limits are those of <see cref="Options"/>, for the text and for what is made of it.</param>
    /// <exception cref="InvalidModuleException">The text is not a valid module within the limits; it says in which line and column.</exception>
    public Module CompileText(string text) => Compile(ModuleText.Encode(text, Options));

    /// <summary>Compiles a module in the text format of WebAssembly 2.0, as a <c>.wat</c> file holds it.</summary>
    /// <param name="utf8">The module in UTF-8. Its limits are those of <see cref="Options"/>, for the text and for what is made of it.</param>
    /// <exception cref="InvalidModuleException">The text is not a valid module within the limits; it says in which line and column.</exception>
    public Module CompileText(ReadOnlyMemory<byte> utf8) => Compile(ModuleText.Encode(utf8, Options));

    private Module Compile(EncodedModule encoded)
    {
        try
        {
            return Compile(encoded.Bytes);
        }
        catch (InvalidModuleException refusal)
        {
            throw encoded.Locate(refusal);
        }
    }
}
