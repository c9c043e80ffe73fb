using Stoa.Wasm.Runtime;

namespace Stoa.Wasm;

/// <summary>A function: exported by an instance, or given by the host to be imported.</summary>
/// <remarks>Calls into one instance, and into instances linked with it, come from one thread at a time.</remarks>
public sealed unsafe class Function : Extern
{
    private readonly Signature _signature;
    private readonly HostCode? _host;
    private ContextOwner? _owner;
    private FunctionRecord* _record;

    internal Function(ContextOwner owner, FunctionRecord* record)
    {
        _owner = owner;
        _record = record;
        _signature = owner.SignatureOf(record);
    }

    private Function(HostCode host)
    {
        _signature = host.Signature;
        _host = host;
    }

    /// <inheritdoc/>
    public override FunctionType Type => _signature.Type;

    /// <summary>The code of a function of the host; null for a guest's.</summary>
    internal HostCode? Host => _host;

    internal ContextOwner? Owner => _owner;

    /// <summary>Makes a function of the host whose signature is that of a delegate. Calls to it are direct: nothing is boxed.</summary>
    /// <param name="body">
    /// Its first parameter may be a <see cref="Caller"/>; the others, and the result if any, are <c>int</c>, <c>uint</c>, <c>long</c>,
    /// <c>ulong</c>, <c>float</c>, <c>double</c> or <c>Vector128&lt;byte&gt;</c>.
    /// </param>
    /// <exception cref="ArgumentException">The delegate has parameters or a result of another type.</exception>
    public static Function FromDelegate(Delegate body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return new Function(HostCode.OfDelegate(body));
    }

    /// <summary>Makes a function of the host of any signature.</summary>
    public static Function FromHost(FunctionType type, HostFunction body)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(body);
        return new Function(HostCode.OfUntyped(type, body));
    }

    /// <summary>Calls the function.</summary>
    /// <returns>Its results.</returns>
    /// <exception cref="ArgumentException">The arguments do not match the signature.</exception>
    /// <exception cref="TrapException">The guest trapped or reached a limit.</exception>
    /// <remarks>An exception that a host function throws passes through the guest as it is.</remarks>
    public Value[] Invoke(params ReadOnlySpan<Value> arguments) => Invoke(arguments, CancellationToken.None);

    /// <summary>Calls the function until it ends or the token is cancelled (<see cref="TrapCode.Cancelled"/>).</summary>
    /// <exception cref="ArgumentException">
    /// The arguments do not match the signature; or the guest is unmetered (<see cref="EngineOptions.IsMetered"/>) and the token can be cancelled.
    /// </exception>
    /// <inheritdoc cref="Invoke(ReadOnlySpan{Value})"/>
    public Value[] Invoke(ReadOnlySpan<Value> arguments, CancellationToken cancellationToken)
    {
        if (arguments.Length != Type.Parameters.Length)
            throw new ArgumentException($"The function takes {Type}, not {arguments.Length} arguments.", nameof(arguments));
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].Kind != Type.Parameters[i])
                throw new ArgumentException($"Argument {i} is {arguments[i].Kind}; the function takes {Type}.", nameof(arguments));
        }

        if (_owner is null)
            Enter(new InstanceGroup());
        _owner!.Instance?.Module.RequireStoppable(cancellationToken);
        return Invocation.Run(_owner, _record, _signature, arguments, cancellationToken);
    }

    /// <inheritdoc/>
    public override string ToString() => $"function {Type}";

    /// <summary>Makes the function known to a group of instances.</summary>
    /// <exception cref="ObjectDisposedException">It went away with its instance.</exception>
    internal FunctionRecord* Enter(InstanceGroup group)
    {
        if (_owner is null)
            _record = HostCode.Bind(this, group, out _owner);
        else
            Join(_owner, group);
        return _record;
    }

    private static void Join(ContextOwner owner, InstanceGroup group)
    {
        ObjectDisposedException.ThrowIf(owner.IsFreed, typeof(Instance));
        owner.Join(group);
    }
}
