namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>clock_res_get</c>, <c>clock_time_get</c>.</summary>
internal sealed class ClockCalls(WasiClock clock)
{
    /// <summary>The realtime clock's number.</summary>
    public const uint Realtime = 0;

    /// <summary>The monotonic clock's number. The clocks of CPU time have the next ones, and are not supported.</summary>
    public const uint Monotonic = 1;

    public Errno GetResolution(Guest guest, uint clockId, uint resultAddress) => clockId switch
    {
        Realtime => guest.Write(resultAddress, clock.RealtimeResolutionNs),
        Monotonic => guest.Write(resultAddress, clock.MonotonicResolutionNs),
        _ => Errno.Inval,
    };

    public Errno GetTime(Guest guest, uint clockId, uint resultAddress) =>
        TryRead(clock, clockId, out var nowNs) ? guest.Write(resultAddress, nowNs) : Errno.Inval;

    /// <summary>Reads a clock by its number; false when there is none.</summary>
    public static bool TryRead(WasiClock clock, uint clockId, out ulong nowNs)
    {
        nowNs = clockId switch
        {
            Realtime => clock.ReadRealtimeNs(),
            Monotonic => clock.ReadMonotonicNs(),
            _ => 0,
        };
        return clockId is Realtime or Monotonic;
    }
}
