using System.Runtime.CompilerServices;

namespace Stoa.Wasm.Runtime;

/// <summary>Instructions on whole ranges of memories and tables. Each is charged by its size before it starts, and can be interrupted.</summary>
internal static unsafe class BulkOperations
{
    private const int BytesPerFuel = 16;
    private const int ElementsPerFuel = 2;
    private const long GrowFuelPerPage = 1024;

    /// <summary>How much is done between two looks at whether to go on.</summary>
    private const uint SliceBytes = 1 << 20;

    private const uint SliceElements = SliceBytes / 8;

    public static int MemoryGrow(int pages, int index, nint context)
    {
        var memory = InstanceOf(context).MemoryAt(index);
        if (!memory.CanGrow((uint)pages))
            return -1;
        Trap.Charge((InstanceContext*)context, (uint)pages * GrowFuelPerPage);
        return memory.Grow((uint)pages);
    }

    public static void MemoryFill(int start, int value, int count, int index, nint context)
    {
        var memory = Check(context, index, (uint)start, (uint)count);
        ChargeBytes(context, (uint)count);
        for (ulong done = 0; done < (uint)count; done += SliceBytes)
        {
            Unsafe.InitBlockUnaligned(memory + (uint)start + done, (byte)value, Slice((uint)count - done));
            Trap.Charge((InstanceContext*)context, 0);
        }
    }

    public static void MemoryCopy(int destination, int source, int count, int destinationMemory, int sourceMemory, nint context)
    {
        byte* from = Check(context, sourceMemory, (uint)source, (uint)count) + (uint)source;
        byte* to = Check(context, destinationMemory, (uint)destination, (uint)count) + (uint)destination;
        ChargeBytes(context, (uint)count);
        for (ulong done = 0; done < (uint)count; done += SliceBytes)
        {
            uint slice = Slice((uint)count - done);
            // Where the ranges overlap, begin at the end that is not overwritten first.
            ulong at = to <= from ? done : (uint)count - done - slice;
            Buffer.MemoryCopy(from + at, to + at, slice, slice);
            Trap.Charge((InstanceContext*)context, 0);
        }
    }

    public static void MemoryInit(int destination, int source, int count, int segment, int index, nint context)
    {
        var content = InstanceOf(context).Data(segment).Span;
        var memory = Check(context, index, (uint)destination, (uint)count);
        if ((uint)source + (ulong)(uint)count > (ulong)content.Length)
            throw new TrapException(TrapCode.MemoryOutOfBounds);
        ChargeBytes(context, (uint)count);
        content = content.Slice(source, count);
        for (int done = 0; done < count; done += (int)SliceBytes)
        {
            var slice = content.Slice(done, (int)Slice((uint)(count - done)));
            slice.CopyTo(new Span<byte>(memory + (uint)destination + done, slice.Length));
            Trap.Charge((InstanceContext*)context, 0);
        }
    }

    public static void DataDrop(int segment, nint context) => InstanceOf(context).DropData(segment);

    public static nint TableGet(int index, int table, nint context)
    {
        var view = InstanceOf(context).Table(table).View;
        return (uint)index < (ulong)view->Length ? view->Entries[(uint)index] : throw OutOfTable();
    }

    public static void TableSet(int index, nint value, int table, nint context)
    {
        var view = InstanceOf(context).Table(table).View;
        if ((uint)index >= (ulong)view->Length)
            throw OutOfTable();
        view->Entries[(uint)index] = value;
    }

    public static int TableSize(int table, nint context) => (int)InstanceOf(context).Table(table).Length;

    public static int TableGrow(nint value, int elements, int table, nint context)
    {
        var grown = InstanceOf(context).Table(table);
        if (!grown.CanGrow((uint)elements))
            return -1;
        ChargeElements(context, (uint)elements);
        if (!grown.TryReserve((uint)elements))
            return -1;
        Fill(grown.View->Entries + grown.Length, value, (uint)elements, context);
        return grown.Lengthen((uint)elements);
    }

    public static void TableFill(int start, nint value, int count, int table, nint context)
    {
        var entries = Check(InstanceOf(context).Table(table), (uint)start, (uint)count);
        ChargeElements(context, (uint)count);
        Fill(entries + (uint)start, value, (uint)count, context);
    }

    public static void TableCopy(int destination, int source, int count, int destinationTable, int sourceTable, nint context)
    {
        var instance = InstanceOf(context);
        var from = Check(instance.Table(sourceTable), (uint)source, (uint)count);
        var to = Check(instance.Table(destinationTable), (uint)destination, (uint)count);
        ChargeElements(context, (uint)count);
        from += (uint)source;
        to += (uint)destination;
        for (uint done = 0; done < (uint)count; done += SliceElements)
        {
            uint slice = Math.Min((uint)count - done, SliceElements);
            uint at = to <= from ? done : (uint)count - done - slice;
            new Span<nint>(from + at, (int)slice).CopyTo(new Span<nint>(to + at, (int)slice));
            Trap.Charge((InstanceContext*)context, 0);
        }
    }

    public static void TableInit(int destination, int source, int count, int segment, int table, nint context)
    {
        var instance = InstanceOf(context);
        var items = instance.Elements(segment);
        var to = Check(instance.Table(table), (uint)destination, (uint)count);
        if ((uint)source + (ulong)(uint)count > (ulong)items.Length)
            throw OutOfTable();
        ChargeElements(context, (uint)count);
        for (int i = 0; i < count; i++)
        {
            to[(uint)destination + i] = instance.Reference(items[source + i]);
            if (i % SliceElements == SliceElements - 1)
                Trap.Charge((InstanceContext*)context, 0);
        }
    }

    public static void ElemDrop(int segment, nint context) => InstanceOf(context).DropElements(segment);

    private static void Fill(nint* entries, nint value, uint count, nint context)
    {
        for (ulong done = 0; done < count; done += SliceElements)
        {
            uint slice = (uint)Math.Min(count - done, SliceElements);
            new Span<nint>(entries + done, (int)slice).Fill(value);
            Trap.Charge((InstanceContext*)context, 0);
        }
    }

    private static Instance InstanceOf(nint context) => ContextOwner.Of((InstanceContext*)context).Instance!;

    private static uint Slice(ulong left) => (uint)Math.Min(left, SliceBytes);

    /// <summary>Where a memory begins, once it is sure that a range lies inside.</summary>
    private static byte* Check(nint contextAddress, int memory, uint start, uint count)
    {
        var context = (InstanceContext*)contextAddress;
        var view = memory == 0
            ? (MemoryView*)&context->MemoryBase
            : (MemoryView*)(contextAddress + InstanceOf(contextAddress).Module.Layout.MemoryView(memory));
        if (start + (ulong)count > ~view->SizeComplement)
            throw new TrapException(TrapCode.MemoryOutOfBounds);
        return view->Base;
    }

    private static nint* Check(Table table, uint start, uint count)
    {
        if (start + (ulong)count > table.Length)
            throw OutOfTable();
        return table.View->Entries;
    }

    private static void ChargeBytes(nint context, uint bytes) => Trap.Charge((InstanceContext*)context, bytes / BytesPerFuel);

    private static void ChargeElements(nint context, uint elements) => Trap.Charge((InstanceContext*)context, elements / ElementsPerFuel);

    private static TrapException OutOfTable() => new(TrapCode.TableOutOfBounds);
}
