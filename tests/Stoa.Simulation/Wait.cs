using System.Threading.Tasks.Sources;

namespace Stoa.Simulation;

/// <summary>One wait after another without an allocation, ended from inside of the world.</summary>
/// <remarks>What waits never goes on inside the call that ends the wait: it happens next.</remarks>
internal sealed class Wait<T>(World world, Action<CancellationToken> onCancelled) : IValueTaskSource<T>, IValueTaskSource
{
    private static readonly SendOrPostCallback s_signal = static wait => ((Wait<T>)wait!).Signal();

    private ManualResetValueTaskSourceCore<T> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private bool _comesBackNowhere;
    private bool _isTaken = true;
    private T? _result;
    private Exception? _error;

    public bool IsWaiting { get; private set; }

    /// <summary>Begins to wait.</summary>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    public short Begin(CancellationToken cancellationToken)
    {
        if (!_isTaken)
            throw new InvalidOperationException("One at a time is expected to wait here.");
        (IsWaiting, _isTaken, _comesBackNowhere) = (true, false, false);
        _core.Reset();
        _cancellation = cancellationToken;
        if (cancellationToken.CanBeCanceled)
        {
            var registration = cancellationToken.UnsafeRegister(static (wait, token) => ((Wait<T>)wait!).Cancel(token), this);
            if (IsWaiting)
                _registration = registration;
        }

        return _core.Version;
    }

    public void Complete(T result) => End(result, null);

    public void Fail(Exception error) => End(default, error);

    public T GetResult(short token)
    {
        _isTaken = true;
        return _core.GetResult(token);
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _comesBackNowhere = !flags.HasFlag(ValueTaskSourceOnCompletedFlags.UseSchedulingContext) || SynchronizationContext.Current is null;
        _core.OnCompleted(continuation, state, token, flags);
    }

    private void Cancel(CancellationToken cancellationToken)
    {
        // Of an earlier wait, it does nothing to this one.
        if (!IsWaiting || _cancellation != cancellationToken)
            return;
        onCancelled(cancellationToken);
        Fail(new OperationCanceledException(cancellationToken));
    }

    private void End(T? result, Exception? error)
    {
        IsWaiting = false;
        _registration.Unregister();
        _registration = default;
        (_result, _error) = (result, error);
        if (_comesBackNowhere)
            world.Post(s_signal, this, isBare: true);
        else
            Signal();
    }

    private void Signal()
    {
        if (_error is null)
            _core.SetResult(_result!);
        else
            _core.SetException(_error);
    }
}
