/* How a call is exported. On Windows: define EDGEDF_DLL where the DLL is used; building it defines
 * EDGEDF_BUILDING_DLL. */
#ifndef EDGEDF_API_H
#define EDGEDF_API_H

#ifndef EDGEDF_API
#if defined(_WIN32) && defined(EDGEDF_BUILDING_DLL)
#define EDGEDF_API __declspec(dllexport)
#elif defined(_WIN32) && defined(EDGEDF_DLL)
#define EDGEDF_API __declspec(dllimport)
#elif defined(__GNUC__)
#define EDGEDF_API __attribute__((visibility("default")))
#else
#define EDGEDF_API
#endif
#endif

#endif
