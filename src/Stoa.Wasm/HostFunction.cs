namespace Stoa.Wasm;

/// <summary>A function of the host of any signature.</summary>
/// <param name="caller">The instance that calls.</param>
/// <param name="arguments">One value for each parameter.</param>
/// <param name="results">To be filled: one value for each result; they start as zeros.</param>
public delegate void HostFunction(Caller caller, ReadOnlySpan<Value> arguments, Span<Value> results);

/// <summary>The instance on whose behalf a host function runs.</summary>
public readonly struct Caller
{
    private readonly Instance? _instance;

    internal Caller(Instance? instance)
    {
        _instance = instance;
    }

    /// <summary>The instance that imported the host function.</summary>
    /// <exception cref="InvalidOperationException">The function was put into a table or global by the host, and imported by no instance.</exception>
    public Instance Instance =>
        _instance ?? throw new InvalidOperationException("This host function is not imported by an instance.");

    /// <summary>The first memory of the instance.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    public Memory Memory =>
        Instance.Memory ?? throw new InvalidOperationException("The instance has no memory.");

    /// <summary>Units of fuel that are left.</summary>
    public long FuelRemaining => Instance.FuelRemaining;

    /// <summary>Cancelled when the call into the guest is to end: by its caller's token or by its deadline.</summary>
    public CancellationToken CancellationToken => Instance.CancellationToken;

    /// <summary>Charges the guest for what the host does on its behalf.</summary>
    /// <exception cref="TrapException">There is less left (<see cref="TrapCode.OutOfFuel"/>).</exception>
    public void ConsumeFuel(long units) => Instance.ConsumeFuel(units);
}
