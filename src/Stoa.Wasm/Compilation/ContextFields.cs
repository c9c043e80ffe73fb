using System.Runtime.InteropServices;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Where the parts of a context, a table view and a function record lie, in bytes.</summary>
internal static class ContextFields
{
    public static readonly int Fuel = Context(nameof(InstanceContext.Fuel));
    public static readonly int FuelFloor = Context(nameof(InstanceContext.FuelFloor));
    public static readonly int StackLimit = Context(nameof(InstanceContext.StackLimit));
    public static readonly int DepthRemaining = Context(nameof(InstanceContext.DepthRemaining));
    public static readonly int PendingFunction = Context(nameof(InstanceContext.PendingFunction));
    public static readonly int MemoryBase = Context(nameof(InstanceContext.Memory));
    public static readonly int MemorySize = MemoryBase + (int)Marshal.OffsetOf<MemoryView>(nameof(MemoryView.SizeBytes));
    public static readonly int Results = Context(nameof(InstanceContext.Results));
    public static readonly int RecordCode = (int)Marshal.OffsetOf<FunctionRecord>(nameof(FunctionRecord.Code));
    public static readonly int RecordContext = (int)Marshal.OffsetOf<FunctionRecord>(nameof(FunctionRecord.Context));

    private static int Context(string field) => (int)Marshal.OffsetOf<InstanceContext>(field);
}
