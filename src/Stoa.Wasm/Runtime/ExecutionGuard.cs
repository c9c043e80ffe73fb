namespace Stoa.Wasm.Runtime;

/// <summary>What holds while the host's call into a guest lasts: stack limit, deadline, cancellation. Calls nest.</summary>
internal readonly unsafe struct ExecutionGuard
{
    private readonly ContextOwner _owner;
    private readonly bool _wasInHost;
    private readonly nint _stackLimit;
    private readonly int _depthRemaining;
    private readonly bool _isOutermost;
    private readonly Interruption? _interruption;

    public ExecutionGuard(ContextOwner owner, CancellationToken cancellationToken)
    {
        _owner = owner;
        var context = owner.Context;
        _wasInHost = HostCode.IsInHost;
        HostCode.IsInHost = false;
        _stackLimit = context->StackLimit;
        _depthRemaining = context->DepthRemaining;
        nint limit = StackBounds.GuestLimit;
        foreach (var member in owner.Group.Owners)
            member.Context->StackLimit = limit;
        var group = owner.Group;
        _isOutermost = !group.IsRunning && owner.Instance is not null;
        if (_isOutermost)
        {
            _interruption = Interruption.Arm(owner.Instance!, cancellationToken);
            group.Interruption = _interruption;
            group.IsRunning = true;
        }
    }

    public void End()
    {
        HostCode.IsInHost = _wasInHost;
        var context = _owner.Context;
        if (context != null)
        {
            context->DepthRemaining = _depthRemaining;
            foreach (var member in _owner.Group.Owners)
                member.Context->StackLimit = _stackLimit;
        }

        if (_isOutermost)
        {
            _owner.Group.IsRunning = false;
            _interruption?.Dispose();
            _owner.Group.Interruption = null;
        }
    }
}
