namespace Stoa.Wasm.Wasi.Files;

/// <summary>The refusals of .NET's file functions, as WASI names them.</summary>
internal static class HostErrors
{
    private const int WindowsSharingViolation = unchecked((int)0x80070020);
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsNotEmpty = unchecked((int)0x80070091);
    private const int WindowsFileExists = unchecked((int)0x80070050);
    private const int WindowsAlreadyExists = unchecked((int)0x800700B7);

    public static bool IsKnown(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    public static Errno Try(Action act)
    {
        try
        {
            act();
            return Errno.Success;
        }
        catch (Exception exception) when (IsKnown(exception))
        {
            return ToErrno(exception);
        }
    }

    public static Errno ToErrno(Exception exception) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => Errno.NoEnt,
        PathTooLongException => Errno.NameTooLong,
        UnauthorizedAccessException => Errno.Acces,
        NotSupportedException => Errno.NotSup,
        ArgumentException => Errno.Inval,
        IOException io => io.HResult switch
        {
            WindowsSharingViolation => Errno.Busy,
            WindowsDiskFull or WindowsHandleDiskFull => Errno.NoSpc,
            WindowsNotEmpty => Errno.NotEmpty,
            WindowsFileExists or WindowsAlreadyExists => Errno.Exist,
            // Elsewhere the code is the system's error number; the small ones are the same on Linux and macOS.
            > 0 and <= 34 => FromUnix(io.HResult),
            _ => Errno.Io,
        },
        _ => Errno.Io,
    };

    private static Errno FromUnix(int error) => error switch
    {
        13 => Errno.Acces,
        16 => Errno.Busy,
        17 => Errno.Exist,
        18 => Errno.Xdev,
        20 => Errno.NotDir,
        21 => Errno.IsDir,
        22 => Errno.Inval,
        24 => Errno.Mfile,
        27 => Errno.Fbig,
        28 => Errno.NoSpc,
        30 => Errno.Rofs,
        32 => Errno.Pipe,
        _ => Errno.Io,
    };
}
