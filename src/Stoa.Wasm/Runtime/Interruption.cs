namespace Stoa.Wasm.Runtime;

/// <summary>A deadline and a cancellation token that stop the guests of a group from another thread.</summary>
internal sealed unsafe class Interruption : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Instance _instance;
    private readonly CancellationToken _callerToken;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource? _either;
    private readonly CancellationTokenRegistration _registration;
    private bool _isDisarmed;

    private Interruption(Instance instance, TimeSpan? timeout, CancellationToken callerToken)
    {
        _instance = instance;
        _callerToken = callerToken;
        if (timeout is { } limit)
        {
            _deadline = new CancellationTokenSource(limit, instance.Module.Engine.Options.TimeProvider);
            if (callerToken.CanBeCanceled)
                _either = CancellationTokenSource.CreateLinkedTokenSource(callerToken, _deadline.Token);
        }

        Token = _either?.Token ?? _deadline?.Token ?? callerToken;
        _registration = Token.UnsafeRegister(static self => ((Interruption)self!).Interrupt(), this);
    }

    /// <summary>Cancelled when the guest is to stop, for whichever reason.</summary>
    public CancellationToken Token { get; }

    public TrapCode Reason => _callerToken.IsCancellationRequested ? TrapCode.Cancelled : TrapCode.DeadlineExceeded;

    /// <summary>Starts the clock; null when nothing can interrupt.</summary>
    public static Interruption? Arm(Instance instance, CancellationToken cancellationToken) =>
        instance.Limits.Timeout is null && !cancellationToken.CanBeCanceled
            ? null
            : new Interruption(instance, instance.Limits.Timeout, cancellationToken);

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisarmed = true;
            SetFloor(0);
        }

        _registration.Dispose();
        _either?.Dispose();
        _deadline?.Dispose();
    }

    private void Interrupt()
    {
        lock (_lock)
        {
            if (!_isDisarmed)
                SetFloor(long.MaxValue);
        }
    }

    private void SetFloor(long floor)
    {
        foreach (var owner in _instance.Owner.Group.Owners)
            Volatile.Write(ref owner.Context->FuelFloor, floor);
    }
}
