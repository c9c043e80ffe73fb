using System.Runtime.InteropServices;

namespace Stoa.Node.Storage;

/// <summary>The few functions of SQLite that are called for every value of every row, without what the provider does around them.</summary>
/// <remarks>
/// Same library as the provider's. Binding and looking at a counter take some nanoseconds and never wait, so they go without the switch to
/// preemptive mode; a step and a reset may read and write, and go with it. https://sqlite.org/c3ref/intro.html
/// </remarks>
internal static unsafe partial class SqliteNative
{
    private const string Library = "e_sqlite3";

    /// <summary>The bytes stay where they are as long as they are bound.</summary>
    public const nint Static = 0;

    /// <summary>The bytes are copied.</summary>
    public const nint Transient = -1;

    [LibraryImport(Library)]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_bind_int64(nint statement, int place, long value);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_bind_null(nint statement, int place);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_bind_text(nint statement, int place, byte* text, int length, nint destructor);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_bind_blob(nint statement, int place, byte* bytes, int length, nint destructor);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_bind_zeroblob(nint statement, int place, int length);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_step(nint statement);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_reset(nint statement);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int sqlite3_changes(nint database);

    /// <summary>Has a function called behind each commit to the write-ahead log, with its length in pages.</summary>
    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint sqlite3_wal_hook(nint database, delegate* unmanaged[Cdecl]<void*, nint, byte*, int, int> hook, void* argument);
}
