namespace Stoa.Faults;

/// <summary>The run itself cannot go on: a node that does not start, a database that is not there. It says nothing about the promises.</summary>
internal sealed class FaultException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The run is not possible on this machine; the message says why.</summary>
internal sealed class NotHereException(string message) : Exception(message);
