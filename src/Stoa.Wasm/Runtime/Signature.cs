using System.Collections.Concurrent;
using System.Reflection.Emit;
using Stoa.Wasm.Compilation;

namespace Stoa.Wasm.Runtime;

/// <summary>A function type as the process knows it: one object, and one number, for all equal types that are in use.</summary>
/// <remarks>It owns the small pieces of code that exist once a signature. Numbers are never used twice.</remarks>
internal sealed class Signature
{
    private static readonly ConcurrentDictionary<FunctionType, WeakReference<Signature>> s_all = new();
    private static readonly Lock s_interning = new();
    private static int s_lastId;
    private static int s_purgeAt = 1024;

    private readonly Lazy<(DynamicMethod Method, nint Code)> _entry;
    private readonly Lazy<(DynamicMethod Method, nint Code)> _lazyStub;
    private readonly Lazy<(DynamicMethod Method, nint Code)> _hostThunk;

    private Signature(FunctionType type, int id)
    {
        Type = type;
        Id = id;
        ParameterTypes = [.. type.Parameters.Select(ClrType), typeof(nint)];
        ReturnType = type.Results.IsEmpty ? typeof(void) : ClrType(type.Results[0]);
        HasVectors = type.Parameters.Contains(ValueKind.V128) || type.Results.Contains(ValueKind.V128);
        Blob = MakeBlob(type);
        _entry = new(() => Compiled(Thunks.Entry(this)));
        _lazyStub = new(() => Compiled(Thunks.LazyStub(this)));
        _hostThunk = new(() => Compiled(Thunks.UntypedHost(this)));
    }

    public FunctionType Type { get; }

    public int Id { get; }

    /// <summary>Whether a parameter or a result is a vector.</summary>
    public bool HasVectors { get; }

    /// <summary>Parameters of a compiled function: the declared ones, then the context.</summary>
    public Type[] ParameterTypes { get; }

    /// <summary>The first result; the others go through <see cref="InstanceContext.Results"/>.</summary>
    public Type ReturnType { get; }

    /// <summary>The signature in the form that method bodies refer to (ECMA-335, II.23.2.3).</summary>
    public byte[] Blob { get; }

    /// <summary><c>void (nint code, nint context, byte* slots)</c>: calls with arguments from slots, and leaves the first result in the first slot.</summary>
    public nint Entry => _entry.Value.Code;

    /// <summary>Has the signature; compiles <see cref="InstanceContext.PendingFunction"/> and calls it.</summary>
    public nint LazyStub => _lazyStub.Value.Code;

    /// <summary>Has the signature; calls a <see cref="HostFunction"/>.</summary>
    public nint HostThunk => _hostThunk.Value.Code;

    public static Signature Of(FunctionType type)
    {
        if (Find(type) is { } known)
            return known;
        lock (s_interning)
        {
            if (Find(type) is { } other)
                return other;
            if (s_all.Count >= s_purgeAt)
                Purge();
            var signature = new Signature(type, ++s_lastId);
            s_all[type] = new WeakReference<Signature>(signature);
            return signature;
        }
    }

    public static Type ClrType(ValueKind kind) => kind switch
    {
        ValueKind.I32 => typeof(int),
        ValueKind.I64 => typeof(long),
        ValueKind.F32 => typeof(float),
        ValueKind.F64 => typeof(double),
        ValueKind.V128 => typeof(System.Runtime.Intrinsics.Vector128<byte>),
        _ => typeof(nint),
    };

    private static byte[] MakeBlob(FunctionType type)
    {
        var blob = new List<byte> { 0 };
        Il.WriteCompressed(blob, type.Parameters.Length + 1);
        blob.AddRange(type.Results.IsEmpty ? [Il.TypeVoid] : Il.TypeOf(type.Results[0]));
        foreach (var parameter in type.Parameters)
            blob.AddRange(Il.TypeOf(parameter));
        blob.Add(Il.TypeI);
        return [.. blob];
    }

    private static Signature? Find(FunctionType type) =>
        s_all.TryGetValue(type, out var reference) && reference.TryGetTarget(out var signature) ? signature : null;

    private static void Purge()
    {
        foreach (var (type, reference) in s_all)
        {
            if (!reference.TryGetTarget(out _))
                s_all.TryRemove(type, out _);
        }

        s_purgeAt = Math.Max(1024, s_all.Count * 2);
    }

    private static (DynamicMethod, nint) Compiled(DynamicMethod method) => (method, NativeCode.Compile(method));
}
